/**
 * The time limits of whatever a webhook, a send, a scrape or a stop waits for, with their reasons: who gives up before whom. The
 * composition root hands each group to the part that it belongs to; no other file has one of its own. All in milliseconds. What a
 * user may change is a setting (src/config.ts). The rhythm of background work (heartbeats, sweeps) stands with the work, and so
 * do the statement limits of what may read or change a whole table (migrations, partitions, reading dead letters).
 *
 * The order that holds it together, checked by tests/time-limits.spec.ts:
 *
 * - A webhook is answered within 4 s, whatever the store does: lock < statement < answer < deadline < 4 s. The server gives up
 *   before the client, because then the connection survives and nothing goes on running behind our back; and the client
 *   before the deadline, because then the log says what was wrong and not only that it took long.
 * - A connection that a load balancer may reuse outlives the load balancer's interest in it.
 * - All parts of stopping fit into SHUTDOWN_TIMEOUT, and its default into the 30 s after which Kubernetes kills.
 */
export const TIME_LIMITS = Object.freeze({
  /** For Meta's webhooks. */
  accept: Object.freeze({
    /** From the complete body to the answer. Meta publishes no patience of its own; 4 s in all is what this service promises. */
    deadlineMs: 3_500,
    /**
     * A webhook that would wait longer for its commit to begin is refused at once. Judged by the last commit, and in an overload
     * the next ones may take twice as long: with twice this, and the commit itself, a webhook stays below the second in which
     * Meta wants 99 % answered. With 500 the 99th percentile was 0.9 to 1.1 s.
     */
    waitMs: 300,
  }),

  http: Object.freeze({
    /** A client that trickles its headers is closed after this; Meta and proxies send them in one packet. */
    headersMs: 10_000,
    /** For the whole request, body included: 4 MiB in 15 s is 2 Mbit/s. Shorter than the timeout of a load balancer (60 s). */
    requestMs: 15_000,
    /** Longer than a load balancer's idle timeout (60 s at AWS), or it now and then sends into a socket just closed: 502. */
    keepAliveMs: 75_000,
    /** The socket lives this much longer than the client is told. */
    keepAliveBufferMs: 1_000,
    /** How often headers and requests are checked; with Node's 30 s a slow client would live that much longer. */
    checkEveryMs: 1_000,
  }),

  readiness: Object.freeze({
    /** How long an answer is good for: however often `/ready` is asked, the store is asked once in this time. */
    cacheMs: 1_000,
    /** Shorter than the patience of load balancers (5 s and more), longer than a healthy store ever needs. */
    limitMs: 2_000,
  }),

  metrics: Object.freeze({
    /** For one source of gauges; Prometheus itself gives up a scrape after 10 s by default. */
    gaugeMs: 2_000,
  }),

  /** For what webhooks and handlers wait for. */
  postgres: Object.freeze({
    /** For a connection, be it a new one or a busy one's turn. */
    connectMs: 1_000,
    /** Below the statement's, so that an error says that a lock was the reason. */
    lockMs: 2_000,
    statementMs: 3_000,
    /** The client's own: for a server that is frozen, or behind a network that drops packets silently. */
    answerMs: 3_250,
    /** A process that is frozen in a transaction must not hold its locks for ever; more than any of ours idles. */
    idleInTransactionMs: 10_000,
    /** A ROLLBACK takes well under 1 ms; a connection that does not answer one is closed instead. */
    rollbackMs: 1_000,

    /** For pg-boss, which works in the background: nobody waits for it, and its migrations build indexes. */
    boss: Object.freeze({
      connectMs: 1_000,
      statementMs: 60_000,
      /**
       * After this a connection counts as lost. On a network that silently drops packets nothing else tells for 15 minutes or
       * more, and four such connections are all that there are. What pg-boss does for lanes takes some ms.
       */
      answerMs: 5_000,
      /** Its migrations and housekeeping take at most what the server gives them. */
      longAnswerMs: 61_000,
      /** Pause before listening again after the connection broke; polling bridges the gap. */
      listenAgainMs: 1_000,
    }),
  }),

  /** A cache that a request waits for: it must cost less than what it saves. */
  redis: Object.freeze({
    /** The default of 10 s would keep a host that swallows packets looking like one that is about to answer. */
    connectMs: 1_000,
    /** Also bounds the handshake, which `connectMs` does not. A round trip in one data centre takes about 1 ms. */
    commandMs: 75,
    /** A frozen or partitioned Redis never closes the connection: without this it stays open until TCP gives up (15 min). */
    silenceMs: 3_000,
    /** 50, 100, 200 … and then so long between tries to connect: the default had reached 2 s when Redis was back. */
    reconnectMostMs: 1_000,
  }),

  dedupCache: Object.freeze({
    /** How long a request waits for Redis before it asks the store behind; paid once, then the breaker is open. */
    lookupMs: 50,
    /** How often a Redis that failed is tried again, in the background. */
    probeEveryMs: 1_000,
  }),

  /** For sends. Nobody waits for one but the next message to the same person. */
  graph: Object.freeze({
    /** For one connection, TLS included; up to three are tried. */
    connectMs: 3_000,
    /** Pause before the second try to connect, doubled before the third; chance adds up to as much again. */
    reconnectDelayMs: 500,
    /**
     * From the start of a try to the end of the answer, which normally takes well under a second. A send that has no answer by
     * then is ambiguous and waits SETTLE_WAIT for its status, so giving up early costs time but sends nothing twice.
     */
    answerMs: 10_000,
    /** For one send in all. It was 30 s: so long a silent Graph API would hold each of WORKER_CONCURRENCY slots. */
    totalMs: 15_000,
    /**
     * How long an idle connection is kept. Meta's own limit is not documented; a request written into a connection that Meta is
     * closing ends ambiguous and costs a minute of waiting, a new connection a few round trips. So better too short.
     */
    idleMs: 5_000,
  }),

  templates: Object.freeze({
    /**
     * For the list of templates by which a message is checked before it is taken: a program waits for that, and Meta checks it anyway
     * when it is sent. A page of the list normally takes well under a second.
     */
    optionalMs: 2_500,
  }),

  /** For files, which have up to 100 MB. */
  media: Object.freeze({
    /** Until the answer begins; after an upload Meta looks at the file first. */
    answerMs: 20_000,
    /** Without a byte a transfer counts as broken. */
    silenceMs: 10_000,
    /** For one transfer in all; a handler has HANDLER_TIMEOUT, which usually ends first. 100 MB in 2 min are 7 Mbit/s. */
    totalMs: 120_000,
  }),

  start: Object.freeze({
    /** How often a store that is not there yet is tried again: it is back at most this much later than it could be. */
    retryMs: 500,
  }),
});

/** What Redis takes to connect if it is there, in some ms; `/ready` reports one that does not as unreachable. */
export const REDIS_READY_MS = 500;

/** The default of SHUTDOWN_TIMEOUT; Kubernetes kills 30 s after it has asked. */
const USUAL_STOP_MS = 25_000;

/** The parts of stopping, one after the other. */
export interface StopTimes {
  /** Not ready, but still serving, until load balancers have noticed. */
  readonly leaveMs: number;
  /** For requests that run. */
  readonly httpMs: number;
  /** For handlers that run; then their signals are aborted. */
  readonly handlersMs: number;
  /** For giving back what they did not finish, so that it comes again without an attempt being counted. */
  readonly giveBackMs: number;
  /** Closing takes some ms, unless the other side says nothing any more: the end of the process closes what is left. */
  readonly closeMs: number;
}

/**
 * How the time for stopping is divided: together exactly `totalMs`. What a part does not need the ones after it have in
 * addition, but for `closeMs`. Below 25 s all become shorter together; above only handlers get more.
 */
export function stopTimes(totalMs: number, { production }: { readonly production: boolean }): StopTimes {
  const scale = Math.min(1, totalMs / USUAL_STOP_MS);
  // 5 s: load balancers ask every few seconds. A developer has none, and does not want to wait.
  const leaveMs = production ? 5_000 * scale : 0;
  // More than a webhook may take.
  const httpMs = 5_000 * scale;
  const giveBackMs = 2_000 * scale;
  const closeMs = 3_000 * scale;
  return { leaveMs, httpMs, handlersMs: totalMs - leaveMs - httpMs - giveBackMs - closeMs, giveBackMs, closeMs };
}
