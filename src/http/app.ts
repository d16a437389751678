import express, { type ErrorRequestHandler, type Express } from 'express';
import { describeUnexpected } from '../core/errors.ts';
import type { Log } from '../core/ports.ts';
import type { Admission } from './admission.ts';
import { answerEmpty } from './answer.ts';
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

/** Express's own handler shows the stack to whoever asks unless NODE_ENV says `production`. */
function answerError(log: Log): ErrorRequestHandler {
  return (error: unknown, _request, response, _next) => {
    log.error('A request failed unexpectedly', describeUnexpected(error));
    if (response.headersSent) response.destroy();
    else answerEmpty(response, 500);
  };
}
