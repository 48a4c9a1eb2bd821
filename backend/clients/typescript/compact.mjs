// Leaves out of the package the declarations that nobody can import, and the indentation
// and the summaries of the generated types, which are two thirds of them.
import { readFileSync, rmSync, writeFileSync } from "node:fs";

const folder = new URL("dist/", import.meta.url);
for (const inner of ["pages", "retries", "session", "versions"]) rmSync(new URL(`${inner}.d.ts`, folder));
const types = new URL("schema.d.ts", folder);
const text = readFileSync(types, "utf8");
writeFileSync(types, text.replace(/\/\*\*[^]*?\*\/\s*/g, "").replace(/^ +/gm, ""));
