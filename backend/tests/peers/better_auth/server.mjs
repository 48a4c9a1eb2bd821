// A site of better-auth with its Stripe plugin, and nothing else. SITE, in the environment, says what it sells.
import { createServer } from "node:http";
import { stripe } from "@better-auth/stripe";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import pg from "pg";
import Stripe from "stripe";

const site = JSON.parse(process.env.SITE);
const { protocol, hostname, port } = new URL(site.stripe);
const options = {
  baseURL: site.address,
  database: new pg.Pool({ connectionString: site.database }),
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  secret: "a secret that lives as long as one test",
  telemetry: { enabled: false },
  plugins: [
    stripe({
      stripeClient: new Stripe(site.key, { protocol: protocol.slice(0, -1), host: hostname, port, telemetry: false }),
      stripeWebhookSecret: site.secret,
      createCustomerOnSignUp: true,
      subscription: { enabled: true, plans: site.plans },
    }),
  ],
};
const { runMigrations } = await getMigrations(options);
await runMigrations();
createServer(toNodeHandler(betterAuth(options))).listen(Number(new URL(site.address).port), "127.0.0.1");
