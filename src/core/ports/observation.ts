import type { Json, StatusUpdate, WebhookEvent } from '../model.ts';
import type { QueueName } from './queue.ts';
import type { QuarantineReason } from './receiving.ts';
import type { SendFailure, Sent } from './sending.ts';

/** Milliseconds since 1970 by this process. Decisions about leases and retries use the store's clock instead. */
export interface Clock {
  now(): number;
}

/** Fields hold no secret, phone number, wamid or message text. */
export type LogFields = Readonly<Record<string, Json | undefined>>;

/** Calls back later. The service uses `realTimers`; the tests of a bot move time by hand, the clock and these together. */
export interface Timers {
  /** Calls `run` once after `delayMs`, never before it returns; what it returns takes that back, also more than once. */
  after(delayMs: number, run: () => void): () => void;
}

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Every metric of the service with its labels; `_total` are counters, `_seconds` and `_bytes` histograms. */
export interface MetricLabels {
  readonly webhook_requests_total: {
    readonly outcome: 'accepted' | 'bad_signature' | 'too_large' | 'unsupported_encoding' | 'unavailable' | 'error';
  };
  readonly webhook_accept_duration_seconds: Record<never, never>;
  readonly webhook_body_bytes: Record<never, never>;
  /** `type`: the message's type, the status or `account`; all of them closed sets. */
  readonly webhook_elements_total: { readonly kind: WebhookEvent['kind']; readonly type: string };
  readonly webhook_duplicates_total: { readonly kind: WebhookEvent['kind'] };
  readonly webhook_quarantined_total: { readonly reason: QuarantineReason };
  readonly webhook_delivery_lag_seconds: Record<never, never>;
  readonly dedup_cache_errors_total: Record<never, never>;
  readonly handler_duration_seconds: { readonly outcome: 'ok' | 'failed' | 'timeout' };
  readonly handler_attempts_total: { readonly outcome: 'ok' | 'failed' | 'timeout' };
  readonly dead_letters_total: { readonly queue: QueueName; readonly reason: string };
  readonly fence_rejections_total: { readonly queue: QueueName };
  readonly job_interruptions_total: { readonly queue: QueueName };
  readonly end_to_end_seconds: Record<never, never>;
  readonly graph_requests_total: { readonly outcome: Sent['kind'] | SendFailure['kind']; readonly error_code: string };
  readonly graph_request_duration_seconds: Record<never, never>;
  readonly message_status_total: { readonly status: StatusUpdate['status']; readonly error_code: string };
}

export interface Metrics {
  /** Adds 1 (or `by`) to a counter. */
  count<Name extends keyof MetricLabels & `${string}_total`>(name: Name, labels: MetricLabels[Name], by?: number): void;
  /** Records one value of a histogram, in the unit that its name ends with. */
  observe<Name extends Exclude<keyof MetricLabels, `${string}_total`>>(
    name: Name,
    value: number,
    labels: MetricLabels[Name],
  ): void;
}
