import { useEffect, useState } from "preact/hooks";

import { api, type Plan, type Preview, ProblemError, type Subscription, unwrap } from "./api";
import { Link } from "./router";
import { Card, day, Empty, money, Notice, Page, useAction, useLoad, Wait } from "./ui";

const LIVE = ["trialing", "active", "past_due", "unpaid", "paused"];
const PATIENCE_SECONDS = 60;

/** Return null if there is no subscription. */
async function subscription(): Promise<Subscription | null> {
  try {
    return await unwrap(api.GET("/payments/subscription"));
  } catch (error) {
    if (error instanceof ProblemError && error.code === "no_subscription") return null;
    throw error;
  }
}

const plans = () => unwrap(api.GET("/payments/plans"));
/** Go to a page of Stripe. The promise never resolves, so that the button stays busy. */
async function leave({ url }: { url: string }): Promise<never> {
  location.assign(url);
  return new Promise(() => {});
}

const isLive = (mine: Subscription | null) => mine !== null && LIVE.includes(mine.status);
const price = (plan: Plan) =>
  plan.amount ? `${money(plan.amount, plan.currency)} a ${plan.interval}` : "Free";

function state(mine: Subscription): string {
  const name = mine.plan?.name ?? "A plan that is no longer offered";
  if (mine.collection_paused) return `${name} is paused. Nothing is charged.`;
  if (!isLive(mine)) return `${name} has ended.`;
  if (mine.cancel_at) return `${name} ends on ${day(mine.cancel_at)}.`;
  if (mine.status === "trialing") {
    return `${name} is in its trial until ${day(mine.trial_end ?? mine.current_period_end)}.`;
  }
  if (mine.status === "active") return `${name} is active and renews on ${day(mine.current_period_end)}.`;
  return `${name} is ${mine.status.replaceAll("_", " ")}. Check your card.`;
}

export function Pricing() {
  const loaded = useLoad(async () => {
    const [offered, mine] = await Promise.all([plans(), api.signedIn ? subscription() : null]);
    return { offered, mine };
  });
  const { act, busy, shown } = useAction();
  const subscribe = (plan: Plan) =>
    act(async () => {
      await leave(await unwrap(api.POST("/payments/checkout", { body: { plan: plan.slug } })));
    });
  const mine = loaded.data?.mine ?? null;
  return (
    <Page title="Pricing" lead="The plans of backend/plans.toml. With the simulator of make dev, no money moves.">
      <Wait for={loaded} />
      {shown}
      <ul class="plans">
        {loaded.data?.offered.map((plan) => (
          <li class="card" key={plan.slug}>
            <h2>{plan.name}</h2>
            <p class="price">{price(plan)}</p>
            <p class="quiet">{plan.description}</p>
            <Offer plan={plan} mine={mine} busy={busy} subscribe={() => subscribe(plan)} />
          </li>
        ))}
      </ul>
    </Page>
  );
}

interface OfferProps {
  plan: Plan;
  mine: Subscription | null;
  busy: boolean;
  subscribe: () => void;
}

function Offer({ plan, mine, busy, subscribe }: OfferProps) {
  if (!plan.amount) return <p class="tag">Included</p>;
  if (isLive(mine)) {
    return mine?.plan?.slug === plan.slug ? (
      <p class="tag">Your plan</p>
    ) : (
      <Link to="billing">Change your plan</Link>
    );
  }
  if (!api.signedIn) {
    return (
      <Link class="button" to="sign-in?next=pricing">
        Sign in to subscribe<span class="unseen"> to {plan.name}</span>
      </Link>
    );
  }
  return (
    <button aria-disabled={busy} onClick={subscribe}>
      {plan.trial_days ? `Try ${plan.trial_days} days of ${plan.name}` : `Subscribe to ${plan.name}`}
    </button>
  );
}

export function Billing() {
  const loaded = useLoad(async () => {
    const [mine, offered] = await Promise.all([subscription(), plans()]);
    return { mine, offered };
  });
  const { act, busy, shown } = useAction();
  const then = (work: () => Promise<unknown>) => () =>
    act(async () => {
      await work();
      await loaded.reload();
    });
  const { mine = null, offered = [] } = loaded.data ?? {};
  return (
    <Page title="Billing">
      <Wait for={loaded} />
      {loaded.data && !mine && (
        <Empty to="pricing" link="See the plans">
          You have no subscription.
        </Empty>
      )}
      {mine && (
        <Card title={state(mine)}>
          {mine.plan && <p class="price">{price(mine.plan)}</p>}
          {mine.scheduled_plan && (
            <p>
              {mine.scheduled_plan.plan.name} begins on {day(mine.scheduled_plan.starts_at)}.
            </p>
          )}
          {shown}
          <Actions mine={mine} busy={busy} then={then} />
        </Card>
      )}
      {isLive(mine) && mine && <Change mine={mine} offered={offered} changed={loaded.reload} />}
      {mine && <Invoices />}
    </Page>
  );
}

interface ActionsProps {
  mine: Subscription;
  busy: boolean;
  then: (work: () => Promise<unknown>) => () => void;
}

function Actions({ mine, busy, then }: ActionsProps) {
  const cancel = () => unwrap(api.POST("/payments/subscription/cancel", { body: { at_period_end: true } }));
  const resume = () => unwrap(api.POST("/payments/subscription/resume"));
  const portal = async () => leave(await unwrap(api.POST("/payments/portal")));
  return (
    <div class="actions">
      {isLive(mine) && (mine.cancel_at || mine.collection_paused) && (
        <button aria-disabled={busy} onClick={then(resume)}>
          Resume
        </button>
      )}
      {mine.scheduled_plan && (
        <button
          class="plain"
          aria-disabled={busy}
          onClick={then(() => unwrap(api.DELETE("/payments/subscription/scheduled")))}
        >
          Keep {mine.plan?.name ?? "the current plan"}
        </button>
      )}
      <button class="plain" aria-disabled={busy} onClick={then(portal)}>
        Cards and invoices at Stripe
      </button>
      {isLive(mine) && !mine.cancel_at && (
        <button class="danger" aria-disabled={busy} onClick={then(cancel)}>
          Cancel at the period's end
        </button>
      )}
    </div>
  );
}

type When = "now" | "period_end";

interface ChangeProps {
  mine: Subscription;
  offered: Plan[];
  changed: () => Promise<void>;
}

function Change({ mine, offered, changed }: ChangeProps) {
  const others = offered.filter(
    (plan) => plan.amount && plan.slug !== mine.plan?.slug && plan.currency === mine.plan?.currency,
  );
  const [slug, setSlug] = useState("");
  const [when, setWhen] = useState<When>("now");
  const [shown, setShown] = useState<Preview>();
  const action = useAction();
  const plan = slug || others[0]?.slug;
  if (!plan) return null;
  const preview = () =>
    action.act(async () =>
      setShown(await unwrap(api.POST("/payments/subscription/preview", { body: { plan, when } }))),
    );
  const change = () =>
    action.act(async () => {
      await unwrap(api.POST("/payments/subscription/change", { body: { plan, when } }));
      setShown(undefined);
      await changed();
    });
  const choose = (set: () => void) => {
    set();
    setShown(undefined);
  };
  return (
    <Card title="Change your plan">
      <div class="row">
        <div class="field">
          <label for="plan">Plan</label>
          <select id="plan" value={plan} onChange={(event) => choose(() => setSlug(event.currentTarget.value))}>
            {others.map((each) => (
              <option key={each.slug} value={each.slug}>
                {each.name}, {price(each)}
              </option>
            ))}
          </select>
        </div>
        <div class="field">
          <label for="when">When</label>
          <select
            id="when"
            value={when}
            onChange={(event) => choose(() => setWhen(event.currentTarget.value as When))}
          >
            <option value="now">Now</option>
            <option value="period_end">At the end of the period</option>
          </select>
        </div>
      </div>
      {action.shown}
      {shown && <Shown preview={shown} when={when} />}
      <div class="actions">
        {shown ? (
          <button aria-disabled={action.busy} onClick={change}>
            Change the plan
          </button>
        ) : (
          <button class="plain" aria-disabled={action.busy} onClick={preview}>
            Show what it costs
          </button>
        )}
      </div>
    </Card>
  );
}

function Shown({ preview, when }: { preview: Preview; when: When }) {
  return (
    <div role="status">
      <table>
        <tbody>
          {preview.lines.map((line, index) => (
            <tr key={index}>
              <td>{line.description}</td>
              <td class="amount">{money(line.amount, line.currency)}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">{when === "now" ? "Due now" : "Due at the end of the period"}</th>
            <td class="amount">{money(preview.amount_due, preview.currency)}</td>
          </tr>
        </tfoot>
      </table>
    </div>
  );
}

function Invoices() {
  const loaded = useLoad(() => unwrap(api.GET("/payments/invoices")));
  return (
    <Card title="Invoices">
      <Wait for={loaded} />
      {loaded.data?.items.length === 0 && <Empty>There are no invoices yet.</Empty>}
      <ul class="list">
        {loaded.data?.items.map((each) => (
          <li key={each.id}>
            <span>
              {each.hosted_invoice_url ? (
                <a href={each.hosted_invoice_url} target="_blank" rel="noopener">
                  {each.number ?? "Draft"}
                </a>
              ) : (
                (each.number ?? "Draft")
              )}{" "}
              <span class="tag">{each.status}</span>
            </span>
            <span>
              {money(each.amount_due, each.currency)} <span class="quiet">on {day(each.created_at)}</span>
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** Stripe leads back here. The webhook that starts the subscription may come later. */
export function Success() {
  const [mine, setMine] = useState<Subscription>();
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    let wanted = true;
    void (async () => {
      for (let second = 0; wanted && second < PATIENCE_SECONDS; second += 1) {
        const found = await subscription().catch(() => null);
        if (found && isLive(found)) return wanted && setMine(found);
        await new Promise((done) => setTimeout(done, 1000));
      }
      return wanted && setFailed(true);
    })();
    return () => void (wanted = false);
  }, []);
  if (mine) {
    return (
      <Page title={mine.status === "trialing" ? "Your trial has started" : "You are subscribed"}>
        <Notice kind="good">{state(mine)}</Notice>
        <p class="actions">
          <Link class="button" to="billing">
            See your billing
          </Link>
        </p>
      </Page>
    );
  }
  return (
    <Page title="Back from Stripe" lead="The subscription starts as soon as Stripe confirms it.">
      {failed ? (
        <Notice kind="bad">Stripe has not confirmed the subscription yet. Look at your billing in a moment.</Notice>
      ) : (
        <p class="quiet" aria-busy="true">
          Waiting for Stripe…
        </p>
      )}
    </Page>
  );
}
