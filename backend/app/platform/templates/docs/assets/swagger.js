// Starts Swagger UI: in the colours that the reader's system asks for, and with this very server as the one to try.
"use strict";
const { document: address, redirect } = document.currentScript.dataset;

const dark = matchMedia("(prefers-color-scheme: dark)");
const paint = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", paint);
paint();

// The page may be open under another name of this host than PUBLIC_URL says, or through a tunnel. Requests from here
// to that name would be another origin's, which the policy of this page forbids.
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

fetch(address)
  .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`${address} answers ${answer.status}`))))
  .then(start)
  .catch((error) => { document.querySelector("#swagger-ui p").textContent = `The document could not be read: ${error.message}`; });
