import { MAX_RECEIVED_BYTES } from '../core/media-limits.ts';
import type { Media } from '../core/model.ts';
import type { HandlerRun } from '../core/ports/bot.ts';
import type { DownloadedMedia, HeldMedia, MediaInfo } from '../core/ports/channel.ts';
import { extensionOf, safeName, writeWhole } from './media-file.ts';

/** A file as it was saved. `intact` is false if it has not the checksum that Meta gave: rare, and Meta's may be the wrong one. */
export interface SavedMedia extends DownloadedMedia {
  readonly path: string;
}

/** A buffer is in memory as a whole, and a process handles many messages at once. */
const BUFFER_BYTES = 16 * 1_048_576;

/**
 * The file of a message. Every method throws `WahookError`: `media_unavailable` if it may work later (so let the handler fail,
 * and it runs again), `invalid_media` if not: Meta keeps a file for 7 days.
 */
export class ReceivedMedia {
  readonly #media: Media & HeldMedia;
  readonly #run: HandlerRun;

  constructor(media: Media, phoneNumberId: string, run: HandlerRun) {
    this.#media = { ...media, phoneNumberId };
    this.#run = run;
  }

  /** Type and length, as Meta says, without fetching it. */
  info(): Promise<MediaInfo> {
    return this.#run.channel.media.describe(this.#media, this.#run.signal);
  }

  /** The file in memory; `maxBytes` is 16 MB unless given. */
  async buffer({ maxBytes = BUFFER_BYTES }: { readonly maxBytes?: number } = {}): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    await this.#download((piece) => void pieces.push(piece), maxBytes);
    return Buffer.concat(pieces);
  }

  /**
   * Writes the file into `folder`, whole or not at all, and makes the folder if it is missing. Its name is Meta's id of the file,
   * after what is safe of `name` if that is given, and the extension of its type: no two files have the same, and a handler that
   * runs again leaves one. `maxBytes` is 100 MB unless given, the most that a customer can send.
   */
  async save(
    folder: string,
    { name, maxBytes = MAX_RECEIVED_BYTES }: { readonly name?: string; readonly maxBytes?: number } = {},
  ): Promise<SavedMedia> {
    const { path, result } = await writeWhole(folder, async (append) => {
      const downloaded = await this.#download(append, maxBytes);
      const id = safeName(this.#media.id, 'file');
      const base = name === undefined ? id : `${safeName(name, 'file')}-${id}`;
      return { name: `${base}.${extensionOf(this.#media.mimeType ?? downloaded.mimeType)}`, result: downloaded };
    });
    return { path, ...result };
  }

  /** Has Meta forget it, before its 7 days are over. */
  remove(): Promise<void> {
    return this.#run.channel.media.remove(this.#media, this.#run.signal);
  }

  #download(sink: (piece: Uint8Array) => void | Promise<void>, maxBytes: number): Promise<DownloadedMedia> {
    const { channel, signal } = this.#run;
    return channel.media.download(this.#media, sink, { maxBytes, signal });
  }
}
