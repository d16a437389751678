import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LedgerCounts } from './ledger.ts';
import { ScenarioRun } from './scenario-run.ts';
import { Servers } from './servers.ts';

export type Role = 'web' | 'worker';

/** What one start of a process gets besides its settings: flags for Node, such as `--import file`, and variables. */
export interface Arming {
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** The end of a process under test. */
export interface Death {
  /** `web-1`, `worker-2` … */
  readonly name: string;
  readonly role: Role;
  readonly pid: number;
  /** What `arm` returned for this start. */
  readonly armed: Arming;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** True if the harness ended it; false for a process that ended itself, e.g. at a failpoint. */
  readonly isOurs: boolean;
  readonly livedMs: number;
  /** The end of its output. */
  readonly output: string;
}

/** What is put under test. Without one it is wahook, as this checkout holds it. */
export interface Receiver {
  readonly name: string;
  /** Program and arguments; `nodeArgs` of the arming come right after the program. */
  readonly command: readonly string[];
  /** Variables besides HOST, PORT, ROLE, DATABASE_URL, REDIS_URL and those that begin with WHATSAPP_. */
  readonly env?: Readonly<Record<string, string>>;
  /** True if the database holds wahook's tables: the ledger then says why a message was lost, and when all is drained. */
  readonly isWahook: boolean;
}

/** How often each fault happens. */
export interface FaultCounts {
  readonly kills: number;
  readonly postgresStops: number;
  readonly freezes: number;
  readonly redisFaults: number;
  readonly networkFaults: number;
  readonly rolls: number;
}

export interface ScenarioOptions {
  /** Messages to send at least; more are sent as long as faults are outstanding. */
  readonly messages: number;
  readonly seed: number;
  readonly faults: FaultCounts;
  readonly redis: boolean;
  readonly settleWaitMs: number;
  /** The Graph endpoint accepts and answers everything. */
  readonly calmGraph?: boolean;
  /** First sends of messages a second at most; derived from the faults if absent. */
  readonly rate?: number;
  readonly receiver?: Receiver;
  /** Servers to use and to leave running; without them the scenario starts its own. The database is fresh either way. */
  readonly servers?: Servers;
  /** Asked at every start of a process. */
  readonly arm?: (role: Role) => Arming;
  readonly onDeath?: (death: Death) => void;
  /** The sender goes on after `messages` until this is true. */
  readonly isEnough?: () => boolean;
  /** Ends, without draining, as soon as this is true of what the ledger counts; loss shows only after the drain. */
  readonly stopsAt?: (counts: LedgerCounts) => boolean;
  /** How many times as often as usual the Graph API fails; 1 if absent. */
  readonly graphTrouble?: number;
  /** As `CustomersOptions.talkers`. */
  readonly talkers?: number;
  /** As `GraphEndpointOptions.statusAfterMs`. */
  readonly statusAfterMs?: number;
  /** After the last fault: how long nothing may move before what is missing counts as lost; from SETTLE_WAIT if absent. */
  readonly stallMs?: number;
  readonly onProgress?: (progress: Progress) => void;
}

export interface Progress {
  readonly phase: 'starting' | 'sending' | 'draining';
  readonly asked: number;
  readonly acked: number;
  readonly handled: number;
  readonly waiting: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly violations: number;
  /** What went wrong so far, the first few of each kind; grows at its end. */
  readonly offences: readonly Offence[];
  readonly elapsedMs: number;
}

/** One thing that went wrong, with what is known about its conversation. */
export interface Offence {
  readonly kind:
    | 'lost'
    | 'twice'
    | 'out of order'
    | 'reply lost'
    | 'reply twice'
    | 'not accepted'
    | 'bad exit'
    | 'not broken'
    | 'unfinished';
  readonly conversation: string;
  readonly what: string;
}

export interface Verdict {
  /** True if every count that must be zero is, everything asked for was accepted, and every fault planned has happened. */
  readonly isClean: boolean;
  readonly seed: number;
  readonly asked: number;
  readonly sent: number;
  readonly acked: number;
  readonly handled: number;
  readonly lost: number;
  readonly twice: number;
  readonly outOfOrder: number;
  readonly repliesLost: number;
  readonly repliesTwice: number;
  /** Replies that were sent again after SETTLE_WAIT without a status of theirs having been acked; no violation. */
  readonly resent: number;
  /** Rows of the inbox and the outbox that are dead, and quarantined pieces that were none; all of them are among the lost, too. */
  readonly deadLetters: number;
  readonly quarantined: number;
  /** Different ones. `stored` is undefined for a receiver other than wahook; what is missing is among the lost, too. */
  readonly statuses: { readonly acked: number; readonly stored: number | undefined };
  /** Elements with which nothing can be done: each must be in quarantine, and its neighbours handled. None for other receivers. */
  readonly poisoned: { readonly acked: number; readonly setAside: number | undefined };
  /** Runs of the handler that a death or a lost lease ended; undefined for a receiver other than wahook. */
  readonly runsCutShort: number | undefined;
  /** Failures counted against messages though the bot never fails; undefined for a receiver other than wahook. */
  readonly attemptsConsumed: number | undefined;
  readonly faults: Readonly<Record<string, number>>;
  readonly deaths: number;
  readonly durationMs: number;
  readonly messagesPerSecond: number;
  /** What the sender did, and how it was answered. */
  readonly delivery: {
    readonly posts: number;
    readonly repetitions: number;
    readonly duplicates: number;
    readonly largestBatch: number;
    readonly answers: Readonly<Record<string, number>>;
  };
  /** The first few of each kind. */
  readonly offences: readonly Offence[];
  /** Folder with the output of the processes; kept if the verdict is not clean. */
  readonly logs: string;
}

/** A fresh database, a cluster under faults, a sender, a judge. Rejects only if the harness itself cannot go on. */
export async function runScenario(options: ScenarioOptions): Promise<Verdict> {
  const logs = mkdtempSync(join(tmpdir(), 'wahook-torture-'));
  // What others keep in Redis they ask to be kept well.
  const isDurable = options.receiver !== undefined && !options.receiver.isWahook;
  const servers = options.servers ?? (await Servers.start({ redis: options.redis && (isDurable ? 'durable' : true) }));
  try {
    const verdict = await ScenarioRun.toTheEnd(options, servers, logs);
    if (verdict.isClean) rmSync(logs, { recursive: true, force: true });
    return verdict;
  } finally {
    if (options.servers === undefined) await servers.stop();
  }
}
