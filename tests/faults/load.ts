import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { SETTINGS } from '../support/service-process.ts';
import type { Load, LoadResult } from './load-child.ts';

type WithoutSecrets<Type> = Type extends unknown ? Omit<Type, 'phoneNumberId' | 'secret'> : never;

/** Sends webhooks from a process of its own, one load after the other. */
export class LoadProcess {
  readonly #child: ChildProcess = fork(join(import.meta.dirname, 'load-child.ts'));

  async run(load: WithoutSecrets<Load>): Promise<LoadResult> {
    const { WHATSAPP_PHONE_NUMBER_ID: phoneNumberId, WHATSAPP_WEBHOOK_SECRET: secret } = SETTINGS;
    this.#child.send({ ...load, phoneNumberId, secret });
    const ended = once(this.#child, 'exit').then(() => Promise.reject(new Error('the sending process ended')));
    const [result] = await Promise.race([once(this.#child, 'message'), ended]);
    return result as LoadResult;
  }

  stop(): void {
    this.#child.kill();
  }
}
