import { WahookError } from './errors.ts';

const KB = 1_024;
const MB = 1_024 * KB;

/**
 * What Meta takes, by MIME type, and how much of it (Meta, Media, 2026-09-11; whether its MB are 1,000 or 1,024 kB is not said).
 * An animated sticker may have 500 kB, a still one 100: which one it is only the file says, so Meta judges the still ones.
 */
const KINDS: readonly { readonly maxBytes: number; readonly mimeTypes: readonly string[] }[] = [
  { maxBytes: 5 * MB, mimeTypes: ['image/jpeg', 'image/png'] },
  { maxBytes: 500 * KB, mimeTypes: ['image/webp'] },
  { maxBytes: 16 * MB, mimeTypes: ['audio/aac', 'audio/amr', 'audio/mpeg', 'audio/mp4', 'audio/ogg'] },
  { maxBytes: 16 * MB, mimeTypes: ['video/mp4', 'video/3gpp'] },
  {
    maxBytes: 100 * MB,
    mimeTypes: [
      'text/plain',
      'application/pdf',
      'application/msword',
      'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
      'application/vnd.ms-excel',
      'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
      'application/vnd.ms-powerpoint',
      'application/vnd.openxmlformats-officedocument.presentationml.presentation',
    ],
  },
];

/** The greatest file that a customer can send (Meta, Media, 2026-09-11). */
export const MAX_RECEIVED_BYTES = 100 * MB;

/** @throws WahookError `invalid_media`; it names the type, the limit and the length */
export function checkUpload(mimeType: string, bytes: number): void {
  const type = bareType(mimeType);
  const kind = KINDS.find(({ mimeTypes }) => mimeTypes.includes(type));
  if (kind === undefined) {
    const known = KINDS.flatMap(({ mimeTypes }) => mimeTypes).join(', ');
    throw refusal(`Meta does not take the type ${/^[\w.+/-]+$/.test(type) ? type : 'given'}; it takes ${known}`);
  }
  if (!Number.isSafeInteger(bytes) || bytes < 1) throw refusal('it is empty, or its length is not known; give bytes');
  if (bytes > kind.maxBytes) throw refusal(`as ${type} it may have ${kind.maxBytes} bytes, this one has ${bytes}`);
}

/** `audio/ogg; codecs=opus` → `audio/ogg` */
export function bareType(mimeType: string): string {
  return mimeType.replace(/;.*$/s, '').trim().toLowerCase();
}

function refusal(reason: string): WahookError {
  return new WahookError('invalid_media', `This file cannot be uploaded: ${reason}`);
}
