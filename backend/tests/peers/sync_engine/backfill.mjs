// Copy a whole Stripe account into PostgreSQL with @supabase/stripe-sync-engine; prints how many of each it saw.
// Arguments: the simulator's address, the database, the secret key.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { StripeSync, runMigrations } = require("@supabase/stripe-sync-engine"); // its ES module finds no migrations
const Stripe = require("stripe");

const [, , address, databaseUrl, stripeSecretKey] = process.argv;
const problems = [];
const logger = { info() {}, error: (...what) => problems.push(what.map(String).join(" ")) };
await runMigrations({ databaseUrl, schema: "stripe", logger });

const sync = new StripeSync({
  poolConfig: { connectionString: databaseUrl, max: 4 },
  stripeSecretKey,
  stripeWebhookSecret: "",
  stripeApiVersion: "2020-08-27",
  backfillRelatedEntities: true,
  autoExpandLists: true,
  logger,
});
// It has no setting for another host than Stripe's, but its client is a public field.
const { protocol, hostname, port } = new URL(address);
const where = { protocol: protocol.slice(0, -1), host: hostname, port, apiVersion: "2020-08-27", telemetry: false };
sync.stripe = new Stripe(stripeSecretKey, where);

const found = await sync.syncBackfill({ object: "all" });
await sync.close();
const counts = Object.fromEntries(Object.entries(found).map(([name, one]) => [name, one.synced]));
console.log(JSON.stringify({ counts, problems }));
