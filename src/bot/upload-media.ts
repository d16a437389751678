import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { WahookError } from '../core/errors.ts';
import type { HandlerRun } from '../core/ports/bot.ts';
import type { MediaUpload } from '../core/ports/channel.ts';
import { mimeTypeOf } from './media-file.ts';

/** A file on the disk, bytes in memory, or a stream, of which the length must be known. */
export type MediaFile =
  | { readonly path: string; readonly mimeType?: string; readonly filename?: string }
  | { readonly content: Uint8Array; readonly mimeType: string; readonly filename?: string }
  | {
      readonly content: AsyncIterable<Uint8Array>;
      readonly bytes: number;
      readonly mimeType: string;
      readonly filename?: string;
    };

/** @throws WahookError `invalid_media`, `media_unavailable` */
export async function uploadMedia(file: MediaFile, phoneNumberId: string, run: HandlerRun): Promise<string> {
  return run.channel.media.upload({ phoneNumberId, ...(await contentOf(file)) }, run.signal);
}

async function contentOf(file: MediaFile): Promise<Omit<MediaUpload, 'phoneNumberId'>> {
  if ('path' in file) return fromDisk(file);
  const { content, mimeType, filename } = file;
  const named = { mimeType, ...(filename !== undefined && { filename }) };
  if (content instanceof Uint8Array) return { ...named, bytes: content.byteLength, content: [content] };
  return { ...named, content, bytes: 'bytes' in file ? file.bytes : 0 };
}

async function fromDisk({
  path,
  mimeType = mimeTypeOf(path),
  filename = basename(path),
}: Extract<MediaFile, { readonly path: string }>): Promise<Omit<MediaUpload, 'phoneNumberId'>> {
  if (mimeType === undefined)
    throw new WahookError(
      'invalid_media',
      'This file cannot be uploaded: its name does not tell its type; give mimeType',
    );
  const { size } = await stat(path);
  return { mimeType, filename, bytes: size, content: reading(path) };
}

/** Opens the file only when it is read. */
async function* reading(path: string): AsyncGenerator<Uint8Array> {
  yield* createReadStream(path);
}
