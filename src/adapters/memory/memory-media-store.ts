import { createHash } from 'node:crypto';
import { WahookError } from '../../core/errors.ts';
import { checkUpload } from '../../core/media-limits.ts';
import type { Media } from '../../core/model.ts';
import type { DownloadedMedia, HeldMedia, MediaInfo, MediaStore, MediaUpload } from '../../core/ports/channel.ts';

interface File {
  readonly mimeType: string;
  readonly content: Buffer;
}

/** Files in memory: for tests and for running without a network. */
export class MemoryMediaStore implements MediaStore {
  readonly #files = new Map<string, File>();

  /** Puts a file there as if a customer had sent it. */
  receive(mediaId: string, mimeType: string, content: Uint8Array): void {
    this.#files.set(mediaId, { mimeType, content: Buffer.from(content) });
  }

  async upload(upload: MediaUpload, signal?: AbortSignal): Promise<string> {
    checkUpload(upload.mimeType, upload.bytes);
    const pieces: Uint8Array[] = [];
    for await (const piece of upload.content) pieces.push(piece);
    const content = Buffer.concat(pieces);
    if (content.byteLength !== upload.bytes) throw invalid('its content is not as long as its bytes say');
    if (signal?.aborted) throw new WahookError('media_unavailable', 'The upload was stopped');
    const id = crypto.randomUUID();
    this.receive(id, upload.mimeType, content);
    return id;
  }

  async describe({ id }: HeldMedia): Promise<MediaInfo> {
    const { mimeType, content } = this.#file(id);
    return { id, mimeType, bytes: content.byteLength, sha256: sha256Of(content, 'base64') };
  }

  async download(
    media: HeldMedia & Pick<Media, 'url' | 'sha256'>,
    sink: (piece: Uint8Array) => void | Promise<void>,
    { maxBytes, signal }: { readonly maxBytes: number; readonly signal?: AbortSignal },
  ): Promise<DownloadedMedia> {
    const { mimeType, content } = this.#file(media.id);
    if (signal?.aborted) throw new WahookError('media_unavailable', 'The download was stopped');
    if (content.byteLength > maxBytes) throw invalid(`it has more than the ${maxBytes} bytes that it may have`);
    await sink(Buffer.from(content));
    return { mimeType, bytes: content.byteLength, sha256: sha256Of(content, 'hex'), intact: true };
  }

  async remove({ id }: HeldMedia): Promise<void> {
    this.#file(id);
    this.#files.delete(id);
  }

  #file(mediaId: string): File {
    const file = this.#files.get(mediaId);
    if (file === undefined) throw invalid('it is not there');
    return file;
  }
}

function sha256Of(content: Buffer, encoding: 'hex' | 'base64'): string {
  return createHash('sha256').update(content).digest(encoding);
}

function invalid(reason: string): WahookError {
  return new WahookError('invalid_media', `A file cannot be had: ${reason}`);
}
