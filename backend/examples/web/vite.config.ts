import { defineConfig } from "vite";

const path = (name: string) => new URL(name, import.meta.url).pathname;

export default defineConfig({
  base: "./", // the server says where it is, in <base>
  resolve: {
    alias: {
      "liftoff-client": path("../../clients/typescript/src/index.ts"),
      "openapi-fetch": path("node_modules/openapi-fetch"),
    },
  },
  build: { target: "es2022", modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
});
