// Starts Swagger UI in the colours of the reader's system, with this server as the first one to try.
"use strict";
const { document: address, redirect } = document.currentScript.dataset;

const dark = matchMedia("(prefers-color-scheme: dark)");
const paint = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", paint);
paint();

// The page may be open under another name than the host of PUBLIC_URL, or through a tunnel. Requests from here to that
// host would go to another origin, which the policy of this page forbids.
const start = (spec) => {
  const others = (spec.servers || []).filter((server) => new URL(server.url, location.href).origin !== location.origin);
  SwaggerUIBundle({
    spec: { ...spec, servers: [{ url: location.origin }, ...others] },
    dom_id: "#swagger-ui",
    layout: "BaseLayout",
    deepLinking: true,
    showExtensions: true,
    showCommonExtensions: true,
    persistAuthorization: true,
    displayRequestDuration: true,
    oauth2RedirectUrl: location.origin + redirect,
    presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
  });
};

// Names the fields that Swagger UI leaves without a name, and corrects the levels of its headings, for screen readers.
const LEVELS = { ".info h2.title": 1, "h3.opblock-tag": 2, ".models > h4": 2, ".opblock h4": 3, ".opblock h5": 4, ".opblock h6": 5 };
const NAMES = {
  "#servers": () => "Server",
  "textarea.body-param__text": () => "Request body",
  ".parameters-col_description select, .parameters-col_description input": (field) =>
    field.closest("tr").dataset.paramName || field.closest("tr").dataset.propertyName || "Value",
  ".examples-select-element": (field) => `Example, ${field.closest("[data-code]")?.dataset.code || "request"}`,
  "[id$=_responses][role=region]": (region) => `Responses of ${region.closest(".opblock").id}`,
  select: () => "Choice",
};
const name = () => {
  for (const [selector, level] of Object.entries(LEVELS))
    for (const heading of document.querySelectorAll(`${selector}:not([aria-level])`)) heading.setAttribute("aria-level", level);
  for (const [selector, words] of Object.entries(NAMES))
    for (const field of document.querySelectorAll(selector))
      if (!field.ariaLabel && (field.id === "servers" || !field.labels?.length)) field.ariaLabel = words(field);
  // A long example scrolls, so the keyboard must be able to reach it.
  for (const example of document.querySelectorAll("pre.microlight:not([tabindex])")) example.tabIndex = 0;
};
new MutationObserver(name).observe(document.body, { childList: true, subtree: true });

fetch(address)
  .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`${address} returned ${answer.status}`))))
  .then(start)
  .catch((error) => { document.querySelector("#swagger-ui p").textContent = `The API document could not be loaded: ${error.message}`; });
