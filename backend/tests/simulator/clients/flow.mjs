// A subscription from its price to its end by Stripe's own library for Node; prints what it saw.
// Arguments: the simulator's address, and the types of events to wait for, in JSON. Every answer, and every signed webhook, passes through that library.
import { createServer } from "node:http";
import Stripe from "stripe";

const base = new URL(process.argv[2]);
const wanted = JSON.parse(process.argv[3]);
const stripe = new Stripe("sk_test_from_node", {
  protocol: "http",
  host: base.hostname,
  port: base.port,
  maxNetworkRetries: 0,
  telemetry: false,
});

const delivered = [];
const waiting = new Map();
let secret;
const receiver = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const event = stripe.webhooks.constructEvent(Buffer.concat(chunks), request.headers["stripe-signature"], secret);
    response.end();
    delivered.push(event.type);
    waiting.get(event.type)?.();
  });
});
await new Promise((ready) => receiver.listen(0, "127.0.0.1", ready));
const arrival = (type) => new Promise((arrived) => (delivered.includes(type) ? arrived() : waiting.set(type, arrived)));

const url = `http://127.0.0.1:${receiver.address().port}/`;
const endpoint = await stripe.webhookEndpoints.create({ url, enabled_events: ["*"] });
secret = endpoint.secret;

const product = await stripe.products.create({ name: "Node", metadata: { made_by: "stripe-node" } });
const price = (amount, key) =>
  stripe.prices.create({ product: product.id, unit_amount: amount, currency: "eur", recurring: { interval: "month" }, lookup_key: key });
const small = await price(1000, "node_small");
await price(3000, "node_large");
const [large] = (await stripe.prices.list({ lookup_keys: ["node_large"], expand: ["data.product"] })).data;

const customer = await stripe.customers.create({ email: "node@example.com" });
const card = await stripe.paymentMethods.attach("pm_card_visa", { customer: customer.id });
await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: card.id } });

const bought = await stripe.subscriptions.create(
  { customer: customer.id, items: [{ price: small.id }], expand: ["latest_invoice.payments"] },
  { idempotencyKey: "node-1" },
);
const again = await stripe.subscriptions.create(
  { customer: customer.id, items: [{ price: small.id }], expand: ["latest_invoice.payments"] },
  { idempotencyKey: "node-1" },
);
const items = [{ id: bought.items.data[0].id, price: large.id }];
const proration_date = bought.items.data[0].current_period_start;
const preview = await stripe.invoices.createPreview({
  customer: customer.id,
  subscription: bought.id,
  subscription_details: { items, proration_behavior: "always_invoice", proration_date },
});
const changed = await stripe.subscriptions.update(bought.id, {
  items,
  proration_behavior: "always_invoice",
  proration_date,
  expand: ["latest_invoice"],
});
const ended = await stripe.subscriptions.cancel(bought.id);

const declined = await stripe.paymentMethods.attach("pm_card_chargeDeclined", { customer: customer.id }).catch((error) => error);
const unknown = await stripe.customers.retrieve("cus_unknown").catch((error) => error);
const numbers = [];
for await (const invoice of stripe.invoices.list({ customer: customer.id, limit: 1 })) numbers.push(invoice.total);

// Events are delivered at once, so the last one may arrive before others. If one never arrives, the test says which.
const patience = new Promise((over) => setTimeout(over, 60_000).unref());
await Promise.race([Promise.all(wanted.map(arrival)), patience]);
receiver.close();
receiver.closeAllConnections();

console.log(
  JSON.stringify({
    product: large.product.name,
    statuses: [bought.status, changed.status, ended.status],
    repeated: again.id === bought.id,
    first: [bought.latest_invoice.total, bought.latest_invoice.status, bought.latest_invoice.payments.data[0].status],
    preview: [preview.total, preview.lines.data.map((line) => line.amount).sort((one, other) => one - other)],
    change: changed.latest_invoice.total,
    errors: [declined.type, declined.decline_code, unknown.type, unknown.code, unknown.statusCode],
    totals: numbers,
    delivered: [...new Set(delivered)].sort(),
  }),
);
