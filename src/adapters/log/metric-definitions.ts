import type { MetricLabels } from '../../core/ports/observation.ts';

export type CounterName = keyof MetricLabels & `${string}_total`;
export type HistogramName = Exclude<keyof MetricLabels, CounterName>;

/**
 * The values that each label of a metric can have. A closed set is listed in full, and the compiler sees to that; an empty
 * list means that the values are learnt as they come.
 */
type LabelValues<Name extends keyof MetricLabels> = {
  readonly [Label in keyof MetricLabels[Name]]: Readonly<Record<MetricLabels[Name][Label] & string, true>>;
};

const LEARNT = {};
const KINDS = { message: true, status: true, account: true } as const;
const QUEUES = { messages: true, statuses: true, account: true, outbound: true } as const;
const RUN_OUTCOMES = { ok: true, failed: true, timeout: true } as const;

export const COUNTERS: {
  readonly [Name in CounterName]: { readonly help: string; readonly labels: LabelValues<Name> };
} = {
  webhook_requests_total: {
    help: 'Webhook requests, by how they were answered.',
    labels: {
      outcome: {
        accepted: true,
        bad_signature: true,
        too_large: true,
        unsupported_encoding: true,
        unavailable: true,
        error: true,
      },
    },
  },
  webhook_elements_total: {
    help: 'Messages, statuses and account events in signed webhooks.',
    labels: { kind: KINDS, type: LEARNT },
  },
  webhook_duplicates_total: { help: 'Elements that had been accepted before.', labels: { kind: KINDS } },
  webhook_quarantined_total: {
    help: 'Pieces of signed webhooks that could not be handled and were put aside.',
    labels: {
      reason: {
        not_json: true,
        not_whatsapp: true,
        wrong_shape: true,
        nul_character: true,
        lone_surrogate: true,
        too_deep: true,
        too_many: true,
        unstorable: true,
      },
    },
  },
  dedup_cache_errors_total: { help: 'Failed or late operations of the dedup cache; each is a cache miss.', labels: {} },
  handler_attempts_total: { help: 'Runs of the bot over an event.', labels: { outcome: RUN_OUTCOMES } },
  dead_letters_total: { help: 'Jobs given up.', labels: { queue: QUEUES, reason: LEARNT } },
  job_interruptions_total: {
    help: 'Jobs whose process died or froze while it was at work on them, found when they are handed out again.',
    labels: { queue: QUEUES },
  },
  fence_rejections_total: {
    help: 'Results that did not count, because another worker had taken the job over.',
    labels: { queue: QUEUES },
  },
  graph_requests_total: {
    help: 'Sends through the Graph API, by outcome and Graph error code.',
    labels: {
      outcome: {
        sent: true,
        retry: true,
        ambiguous: true,
        window_closed: true,
        rejected: true,
        unauthorized: true,
      },
      error_code: LEARNT,
    },
  },
  message_status_total: {
    help: 'Delivery statuses reported by Meta for messages that we sent.',
    labels: {
      status: { sent: true, delivered: true, read: true, played: true, failed: true, unknown: true },
      error_code: LEARNT,
    },
  },
};

export const HISTOGRAMS: {
  readonly [Name in HistogramName]: {
    readonly help: string;
    readonly labels: LabelValues<Name>;
    readonly buckets: readonly number[];
  };
} = {
  webhook_accept_duration_seconds: {
    help: 'From the arrival of a webhook to its answer.',
    labels: {},
    // 0.25 and 1: Meta expects a median below 250 ms and less than 1 % above 1 s.
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  },
  webhook_body_bytes: {
    help: 'Size of webhook bodies.',
    labels: {},
    buckets: [512, 1024, 2048, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304],
  },
  webhook_delivery_lag_seconds: {
    help: "From the element's own timestamp to its arrival; grows when Meta repeats or holds back webhooks.",
    labels: {},
    // Meta's timestamps have whole seconds; its repetitions reach up to 7 days.
    buckets: [1, 2, 5, 10, 30, 60, 300, 1800, 7200, 21_600, 86_400, 604_800],
  },
  handler_duration_seconds: {
    help: 'One run of the bot over an event.',
    labels: { outcome: RUN_OUTCOMES },
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
  end_to_end_seconds: {
    help: 'From the acceptance of a message to the first reply that Meta took.',
    labels: {},
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600],
  },
  graph_request_duration_seconds: {
    help: 'One request to the Graph API.',
    labels: {},
    // Requests are given up after 15 s.
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15],
  },
};
