import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from './random.ts';
import { type Element, type SignedWebhook, webhookOf } from './webhook.ts';

export interface SenderOptions {
  /** Where webhooks go, such as `http://127.0.0.1:3000`; each attempt takes one by chance. */
  readonly targets: readonly string[];
  readonly random: Random;
  /** How long an answer may take before the attempt counts as failed; Meta publishes no figure. */
  readonly answerMs?: number;
  /** Late duplicates come up to so much after the 200. */
  readonly latestMs: number;
}

const ANSWER_MS = 6_000;

/** The gap after the first failure; it doubles, and chance makes it up to half shorter or longer. */
const FIRST_GAP_MS = 50;
const LONGEST_GAP_MS = 3_000;

const CONCURRENT_DUPLICATES = 0.05;
const LATE_DUPLICATES = 0.05;
/** Of the repeated webhooks, so many come in two halves. */
const SPLIT_REPETITIONS = 0.2;

/** Waiting elements are gathered this long at most. */
const GATHER_MS = 20;
const MOST_ELEMENTS = 1_000;

/**
 * Plays Meta's webhook delivery: at least once, for as long as it takes, with duplicates, grouped as it likes. Nothing but
 * a 200 counts, and once it came the elements are told.
 */
export class Sender {
  readonly #options: SenderOptions;
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  readonly #waiting: Element[] = [];
  readonly #late: Element[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #stopped = new AbortController();
  #delivering = 0;
  #asleep = 0;
  #posts = 0;
  #repetitions = 0;
  #duplicates = 0;
  #largest = 0;
  readonly #answers = new Map<string, number>();

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#flush(), GATHER_MS);
  }

  /** Puts one element into one of the next webhooks. */
  add(element: Element): void {
    this.#waiting.push(element);
  }

  /** Sends these as one webhook, with what waits if there is room. */
  addBatch(elements: readonly Element[]): void {
    const room = MOST_ELEMENTS - elements.length;
    this.#deliver([...elements, ...this.#waiting.splice(0, Math.max(0, room))], true);
  }

  /** Elements that have no 200 yet, and duplicates still to come. */
  get outstanding(): number {
    return this.#waiting.length + this.#late.length + this.#delivering + this.#asleep;
  }

  get figures() {
    return {
      posts: this.#posts,
      repetitions: this.#repetitions,
      duplicates: this.#duplicates,
      largestBatch: this.#largest,
      answers: Object.fromEntries([...this.#answers].sort()),
    };
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#stopped.abort();
    this.#agent.destroy();
  }

  #flush(): void {
    const { random } = this.#options;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, batchSize(random));
      // Repetitions travel with news and with each other, never in the company that they came in first.
      if (this.#late.length > 0 && random.chance(0.5)) batch.push(...this.#late.splice(0, random.int(1, 20)));
      this.#deliver(batch, true);
    }
    if (this.#late.length > 0) this.#deliver(random.shuffled(this.#late.splice(0, random.logInt(1, 100))), false);
  }

  #deliver(elements: readonly Element[], mayRepeat: boolean): void {
    const { random, targets } = this.#options;
    this.#largest = Math.max(this.#largest, elements.length);
    if (mayRepeat && random.chance(CONCURRENT_DUPLICATES)) {
      this.#duplicates += 1;
      // The same bytes to all of them in the same moment.
      const webhook = webhookOf(elements, random);
      for (const target of targets) this.#run(elements, { webhook, target, mayRepeat: false });
    } else {
      this.#run(elements, { webhook: webhookOf(elements, random), target: random.pick(targets), mayRepeat });
    }
  }

  #run(elements: readonly Element[], first: FirstTry): void {
    this.#delivering += 1;
    void this.#untilAcked(elements, first).finally(() => {
      this.#delivering -= 1;
    });
  }

  async #untilAcked(elements: readonly Element[], { webhook, target, mayRepeat }: FirstTry): Promise<void> {
    const { random, targets } = this.#options;
    let to = target;
    for (let gapMs = FIRST_GAP_MS; !this.#stopped.signal.aborted; gapMs = Math.min(gapMs * 2, LONGEST_GAP_MS)) {
      if (await this.#post(to, webhook)) return this.#acked(elements, mayRepeat);
      await pause(gapMs * random.between(0.5, 1.5), undefined, { signal: this.#stopped.signal }).catch(() => {});
      this.#repetitions += 1;
      to = random.pick(targets);
      if (elements.length > 1 && random.chance(SPLIT_REPETITIONS)) {
        const middle = random.int(1, elements.length - 1);
        for (const half of [elements.slice(0, middle), elements.slice(middle)])
          this.#run(half, { webhook: webhookOf(half, random), target: to, mayRepeat });
        return;
      }
    }
  }

  #acked(elements: readonly Element[], mayRepeat: boolean): void {
    const { random, latestMs } = this.#options;
    for (const element of elements) element.onAcked?.();
    if (!mayRepeat) return;
    const again = elements.filter(() => random.chance(LATE_DUPLICATES));
    if (again.length === 0) return;
    this.#duplicates += again.length;
    this.#asleep += 1;
    void pause(random.between(0, latestMs), undefined, { signal: this.#stopped.signal })
      .then(() => this.#late.push(...again))
      .catch(() => {})
      .finally(() => {
        this.#asleep -= 1;
      });
  }

  /** True for a 200; false for any other answer, none, a late one, or half of one. */
  async #post(target: string, webhook: SignedWebhook): Promise<boolean> {
    this.#posts += 1;
    const answer = await this.#answer(target, webhook);
    this.#answers.set(answer, (this.#answers.get(answer) ?? 0) + 1);
    return answer === '200';
  }

  #answer(target: string, { body, signature }: SignedWebhook): Promise<string> {
    const { answerMs = ANSWER_MS } = this.#options;
    return new Promise((resolve) => {
      const headers = {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'x-hub-signature-256': signature,
      };
      const options = { method: 'POST', headers, agent: this.#agent, signal: AbortSignal.timeout(answerMs) };
      const request = http.request(`${target}/webhook/whatsapp`, options, (response) => {
        response.on('error', () => resolve('broken'));
        response.on('end', () => resolve(String(response.statusCode))).resume();
      });
      request.on('error', (error) => resolve(error.name === 'AbortError' ? 'late' : 'broken'));
      request.end(body);
    });
  }
}

interface FirstTry {
  readonly webhook: SignedWebhook;
  readonly target: string;
  /** False for what is a repetition already. */
  readonly mayRepeat: boolean;
}

/** Mostly small, now and then large. */
function batchSize(random: Random): number {
  const kind = random.next();
  if (kind < 0.6) return 1;
  if (kind < 0.9) return random.int(2, 8);
  return random.logInt(9, MOST_ELEMENTS);
}
