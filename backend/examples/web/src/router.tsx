import { type ComponentChildren, type JSX, createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";

import { home } from "./api";

export interface Place {
  /** The path below the application's own path, such as `billing/success`. */
  path: string;
  query: URLSearchParams;
}

const CHANGED = "place changed";
const Where = createContext<Place>({ path: "", query: new URLSearchParams() });

function here(): Place {
  const path = location.pathname.slice(home.length).replace(/\/$/, "");
  return { path: decodeURIComponent(path), query: new URLSearchParams(location.search) };
}

export const usePlace = () => useContext(Where);

/** Go to another page of this application. */
export function go(path: string, replace = false): void {
  history[replace ? "replaceState" : "pushState"](null, "", home + path);
  dispatchEvent(new Event(CHANGED));
  if (!replace) scrollTo(0, 0);
}

/** Remove the query from the address, so that no token stays in the history. */
export function forgetQuery(): void {
  history.replaceState(null, "", location.pathname);
}

export function Router({ children }: { children: ComponentChildren }) {
  const [place, setPlace] = useState(here);
  useEffect(() => {
    const move = () => setPlace(here());
    addEventListener("popstate", move);
    addEventListener(CHANGED, move);
    return () => {
      removeEventListener("popstate", move);
      removeEventListener(CHANGED, move);
    };
  }, []);
  return <Where.Provider value={place}>{children}</Where.Provider>;
}

interface LinkProps extends Omit<JSX.AnchorHTMLAttributes<HTMLAnchorElement>, "href"> {
  to: string;
}

export function Link({ to, ...more }: LinkProps) {
  const { path } = usePlace();
  const [target] = to.split("?");
  return (
    <a
      {...more}
      href={home + to}
      aria-current={target === path ? "page" : undefined}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
        event.preventDefault();
        go(to);
      }}
    />
  );
}
