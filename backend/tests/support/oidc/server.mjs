// A certified OpenID provider for tests: `node server.mjs` prints {"port": …} and serves until it is ended.
// PUT /accounts/NAME {"email", "email_verified"} makes NAME somebody who can sign in, with any password; NAME is the subject.
// PUT /redirect-uri {"uri"} makes the client known to come from there, and from nowhere else.
import { createServer } from 'node:http';

import Provider from 'oidc-provider';

const accounts = new Map();
let redirectUri = 'http://localhost/none';
const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  const provider = new Provider(`http://127.0.0.1:${port}`, {
    clients: [{
      client_id: 'liftoff-tests',
      client_secret: 'a client secret of tests',
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: 'client_secret_post',
    }],
    pkce: { required: () => true },
    claims: { openid: ['sub'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false, // as Google does: the e-mail address stands in the ID token
    findAccount: (_ctx, name) => accounts.has(name) && { accountId: name, claims: () => ({ sub: name, ...accounts.get(name) }) },
    loadExistingGrant: async (ctx) => { // everybody agrees to everything
      const grant = new ctx.oidc.provider.Grant({ accountId: ctx.oidc.session.accountId, clientId: ctx.oidc.client.clientId });
      grant.addOIDCScope('openid email');
      await grant.save();
      return grant;
    },
  });
  provider.Client.prototype.redirectUriAllowed = (uri) => uri === redirectUri;
  const serve = provider.callback();
  server.on('request', (request, response) => {
    if (request.method !== 'PUT') return serve(request, response);
    let body = '';
    request.on('data', (chunk) => { body += chunk; });
    request.on('end', () => {
      const said = JSON.parse(body);
      if (said.uri) redirectUri = said.uri;
      else accounts.set(request.url.split('/').pop(), said);
      response.writeHead(204).end();
    });
  });
  console.log(JSON.stringify({ port }));
});
