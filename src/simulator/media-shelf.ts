import { createHash } from 'node:crypto';
import type { Clock } from './clock.ts';
import type { Identifiers } from './identifiers.ts';

/** A file that Meta holds. */
export interface StoredMedia {
  readonly id: string;
  readonly mimeType: string;
  readonly content: Buffer;
  /** Base64, as in media webhooks. */
  readonly sha256: string;
  readonly forgottenAtMs: number;
}

const DAY_MS = 86_400_000;

/** Meta, Media, 2026-09-11: ids of uploads live 30 days, those of webhooks 7, addresses 5 minutes. */
const KEPT_MS = { upload: 30 * DAY_MS, webhook: 7 * DAY_MS } as const;
const ADDRESS_MS = 300_000;

export const MEDIA_FOLDER = '/whatsapp_business/attachments/';

/** The files of the simulated world, with addresses that end by its clock. */
export class MediaShelf {
  readonly #clock: Clock;
  readonly #ids: Identifiers;
  readonly #files = new Map<string, StoredMedia>();

  constructor(clock: Clock, ids: Identifiers) {
    this.#clock = clock;
    this.#ids = ids;
  }

  put(source: keyof typeof KEPT_MS, mimeType: string, content: Buffer): StoredMedia {
    const stored: StoredMedia = {
      id: this.#ids.mediaId(),
      mimeType,
      content,
      sha256: createHash('sha256').update(content).digest('base64'),
      forgottenAtMs: this.#clock.now() + KEPT_MS[source],
    };
    this.#files.set(stored.id, stored);
    return stored;
  }

  get(id: string): StoredMedia | undefined {
    const file = this.#files.get(id);
    return file !== undefined && file.forgottenAtMs > this.#clock.now() ? file : undefined;
  }

  /** False if it was not there. */
  remove(id: string): boolean {
    return this.get(id) !== undefined && this.#files.delete(id);
  }

  /** Path and query of an address that is good for 5 minutes, in the form of Meta's. */
  pathOf(id: string, source: 'webhook' | 'getMedia'): string {
    const ends = Math.floor((this.#clock.now() + ADDRESS_MS) / 1000);
    return `${MEDIA_FOLDER}?mid=${id}&source=${source}&ext=${ends}&hash=${this.#hash(id, ends)}`;
  }

  /** The file behind such a path, while the address is good. */
  at(query: { readonly mid?: unknown; readonly ext?: unknown; readonly hash?: unknown }): StoredMedia | undefined {
    const { mid, ext, hash } = query;
    if (typeof mid !== 'string' || hash !== this.#hash(mid, Number(ext))) return undefined;
    return Number(ext) * 1000 > this.#clock.now() ? this.get(mid) : undefined;
  }

  clear(): void {
    this.#files.clear();
  }

  /** Not secret: it keeps apart an address that was given out from one that was made up by mistake. */
  #hash(id: string, ends: number): string {
    return createHash('sha256').update(`${id}|${ends}`).digest('base64url').slice(0, 32);
  }
}
