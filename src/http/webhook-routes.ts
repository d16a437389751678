import type { Express } from 'express';
import type { Log, Metrics } from '../core/ports.ts';
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
export function addWebhookRoutes(app: Express, options: WebhookRoutesOptions, admission: Admission, log: Log): void {
  const delivery = new WebhookDelivery(options.receiver, admission, options.metrics, log);
  app
    .route(WEBHOOK_PATH)
    .post((request, response) => delivery.handle(request, response))
    .get(handshake(options.verifyToken, log))
    .all(methodNotAllowed('GET, HEAD, POST'));
}
