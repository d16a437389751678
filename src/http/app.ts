import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Router } from 'express';
import { describeUnexpected } from '../core/errors.ts';
import type { Log } from '../core/ports/observation.ts';
import type { Admission } from './admission.ts';
import { answerEmpty, answerText } from './answer.ts';
import { type ApiRoutesOptions, addApiRoutes } from './api-routes.ts';
import { addHealthRoute, addMetricsRoute, addReadyRoute, type MetricsPage } from './health-routes.ts';
import type { CachedReadiness } from './readiness.ts';
import { addWebhookRoutes, type WebhookRoutesOptions } from './webhook-routes.ts';

export interface AppOptions {
  readonly log: Log;
  readonly admission: Admission;
  /** Absent in the role `worker`. */
  readonly webhook?: WebhookRoutesOptions | undefined;
  /** `/api/messages`; absent without a token. */
  readonly api?: ApiRoutesOptions | undefined;
  /** `/ready`; absent where only metrics are served. */
  readonly readiness?: CachedReadiness | undefined;
  /** `/metrics`; absent when another listener serves it. */
  readonly metricsPage?: MetricsPage | undefined;
}

/**
 * The routes that take something in, for an app of somebody else: whatever is not ours goes on to that app. It must come before
 * anything that reads bodies.
 */
export function createRouter({ webhook, api, admission, log }: AppOptions): Router {
  const router = express.Router();
  if (webhook !== undefined) addWebhookRoutes(router, webhook, admission, log, rawBodyOnly(log));
  if (api !== undefined) addApiRoutes(router, api, admission, rawBodyOnly(log));
  return router;
}

const BODY_IS_GONE =
  'Another middleware (express.json() or the like) has read the body of this request before wahook could. The signature is over ' +
  'the bytes that Meta sent, so use wahook.router before it: app.use(wahook.router); app.use(express.json());';

/** Else a body that was read already would be waited for until the client goes. */
function rawBodyOnly(log: Log): RequestHandler {
  return (request, response, next) => {
    if (!request.readableEnded && request.body === undefined) return next();
    log.error(BODY_IS_GONE);
    answerText(response, 500, 'text/plain; charset=utf-8', `${BODY_IS_GONE}\n`);
  };
}

/**
 * The Express app: the routes that `options` ask for and `/health`. Everything else is 404, another method 405, a bug 500;
 * none of them with a body. No middleware runs on the webhook's route: each one costs a fifth of its throughput or more.
 */
export function createApp(options: AppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  // Flat, so that `hub.mode` is a name and not a path, and a parameter cannot become an object.
  app.set('query parser', 'simple');
  // No decision here depends on the sender's address; a header must not be able to change that.
  app.set('trust proxy', false);

  if (options.webhook !== undefined) addWebhookRoutes(app, options.webhook, options.admission, options.log);
  if (options.api !== undefined) addApiRoutes(app, options.api, options.admission);
  addHealthRoute(app);
  if (options.readiness !== undefined) addReadyRoute(app, options.readiness, options.admission);
  if (options.metricsPage !== undefined) addMetricsRoute(app, options.metricsPage);

  app.use((_request, response) => answerEmpty(response, 404));
  app.use(answerError(options.log));
  return app;
}

/**
 * Express's own handler shows the stack to whoever asks unless NODE_ENV says `production`. A path that is no URL's (`/%zz`) is no
 * bug but a path that is not there.
 */
function answerError(log: Log): ErrorRequestHandler {
  return (error: unknown, _request, response, _next) => {
    if (error instanceof URIError) return answerEmpty(response, 404);
    log.error('A request failed unexpectedly', describeUnexpected(error));
    if (response.headersSent) return void response.destroy();
    return answerEmpty(response, 500);
  };
}
