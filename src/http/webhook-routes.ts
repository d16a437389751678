import type { IRouter, Request, RequestHandler, Response } from 'express';
import type { Log, Metrics } from '../core/ports/observation.ts';
import type { Admission } from './admission.ts';
import { methodNotAllowed } from './answer.ts';
import { handshake } from './handshake.ts';
import { WebhookDelivery, type WebhookReceiver } from './webhook-delivery.ts';

const WEBHOOK_PATH = '/webhook/whatsapp';

export interface WebhookRoutesOptions {
  readonly receiver: WebhookReceiver;
  readonly verifyToken: string;
  readonly metrics: Metrics;
}

/** The two requests that Meta makes: GET once, to verify the URL; POST for every webhook. */
export function addWebhookRoutes(
  app: IRouter,
  options: WebhookRoutesOptions,
  admission: Admission,
  log: Log,
  ...before: readonly RequestHandler[]
): void {
  const delivery = new WebhookDelivery(options.receiver, admission, options.metrics, log);
  app
    .route(WEBHOOK_PATH)
    .post(...before, (request: Request, response: Response) => delivery.handle(request, response))
    .get(handshake(options.verifyToken, log))
    .all(methodNotAllowed('GET, HEAD, POST'));
}
