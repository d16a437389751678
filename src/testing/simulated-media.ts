import { createHash } from 'node:crypto';
import { WahookError } from '../core/errors.ts';
import { checkUpload } from '../core/media-limits.ts';
import type { Media } from '../core/model.ts';
import type { DownloadedMedia, MediaInfo, MediaStore, MediaUpload } from '../core/ports/channel.ts';
import type { MediaShelf, StoredMedia } from '../simulator/media-shelf.ts';

/** The files that the simulated Meta holds, without a request: what customers send, and what the bot has uploaded. */
export class SimulatedMedia implements MediaStore {
  readonly #shelf: MediaShelf;

  constructor(shelf: MediaShelf) {
    this.#shelf = shelf;
  }

  async upload({ mimeType, bytes, content }: MediaUpload, signal?: AbortSignal): Promise<string> {
    checkUpload(mimeType, bytes);
    const pieces: Uint8Array[] = [];
    for await (const piece of content) pieces.push(piece);
    const whole = Buffer.concat(pieces);
    if (whole.byteLength !== bytes) throw invalid('its content is not as long as its bytes say');
    refuseIfStopped(signal);
    return this.#shelf.put('upload', mimeType, whole).id;
  }

  async describe({ id }: Pick<Media, 'id'>): Promise<MediaInfo> {
    const { mimeType, content, sha256 } = this.#file(id);
    return { id, mimeType, bytes: content.byteLength, sha256 };
  }

  async download(
    media: Pick<Media, 'id' | 'url' | 'sha256'>,
    sink: (piece: Uint8Array) => void | Promise<void>,
    { maxBytes, signal }: { readonly maxBytes: number; readonly signal?: AbortSignal },
  ): Promise<DownloadedMedia> {
    const { mimeType, content, sha256: given } = this.#file(media.id);
    refuseIfStopped(signal);
    const bytes = content.byteLength;
    if (bytes > maxBytes) throw invalid(`it has more than the ${maxBytes} bytes that it may have`);
    await sink(Buffer.from(content));
    const digest = createHash('sha256').update(content).digest();
    return { mimeType, bytes, sha256: digest.toString('hex'), intact: digest.toString('base64') === given };
  }

  async remove({ id }: Pick<Media, 'id'>): Promise<void> {
    if (!this.#shelf.remove(id)) throw gone();
  }

  #file(mediaId: string): StoredMedia {
    const file = this.#shelf.get(mediaId);
    if (file === undefined) throw gone();
    return file;
  }
}

function refuseIfStopped(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new WahookError('media_unavailable', 'A file cannot be had this time: it was stopped');
}

function gone(): WahookError {
  return invalid('Meta does not have it, or no more: what customers send is kept for 7 days, an upload for 30');
}

function invalid(reason: string): WahookError {
  return new WahookError('invalid_media', `A file cannot be had: ${reason}`);
}
