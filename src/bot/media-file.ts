import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Extensions of the types that Meta names, and of those that customers send most. */
const EXTENSIONS: Readonly<Record<string, string>> = {
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/webp': 'webp',
  'image/gif': 'gif',
  'audio/aac': 'aac',
  'audio/amr': 'amr',
  'audio/mpeg': 'mp3',
  'audio/mp4': 'm4a',
  'audio/ogg': 'ogg',
  'video/mp4': 'mp4',
  'video/3gpp': '3gp',
  'text/plain': 'txt',
  'text/csv': 'csv',
  'application/pdf': 'pdf',
  'application/zip': 'zip',
  'application/msword': 'doc',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
  'application/vnd.ms-excel': 'xls',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
  'application/vnd.ms-powerpoint': 'ppt',
  'application/vnd.openxmlformats-officedocument.presentationml.presentation': 'pptx',
};

/** Leaves room for the extension and the temporary name in the 255 bytes of a file name. */
const MAX_NAME_BYTES = 150;

/** `jpg` for `image/jpeg`; `bin` for a type that is not known: never what a customer says. */
export function extensionOf(mimeType: string): string {
  const type = (mimeType.split(';')[0] ?? '').trim().toLowerCase();
  return Object.hasOwn(EXTENSIONS, type) ? (EXTENSIONS[type] ?? 'bin') : 'bin';
}

/** The type of a file of ours, by its name. */
export function mimeTypeOf(filename: string): string | undefined {
  const extension = filename.split('.').at(-1)?.toLowerCase();
  return Object.entries(EXTENSIONS).find(([, known]) => known === (extension === 'jpeg' ? 'jpg' : extension))?.[0];
}

/**
 * What is left of a name that somebody else chose: no path, no control or invisible character, no dot or space at its ends, no
 * extension, none of the names that Windows keeps for devices. `fallback` if that is nothing.
 */
export function safeName(name: string, fallback: string): string {
  const bare = name
    .normalize()
    .replace(/\.[^./\\]{1,10}$/, '')
    .replace(/[\p{C}\p{Zl}\p{Zp}/\\:*?"<>|]/gu, '_')
    .replace(/^[.\s_]+|[.\s_]+$/g, '');
  const short = Buffer.from(bare)
    .subarray(0, MAX_NAME_BYTES)
    .toString('utf8')
    .replace(/\ufffd+$/, '')
    .trimEnd();
  return short === '' || /^(con|prn|aux|nul|com\d|lpt\d)$/i.test(short) ? fallback : short;
}

/**
 * Writes a file whole or not at all: under a temporary name beside it, synchronised to the disk, and renamed when `write` is
 * done, which says the name. A file of that name is replaced. The folder is made if it is missing.
 */
export async function writeWhole<Result>(
  folder: string,
  write: (append: (piece: Uint8Array) => Promise<void>) => Promise<{ readonly name: string; readonly result: Result }>,
): Promise<{ readonly path: string; readonly result: Result }> {
  await mkdir(folder, { recursive: true });
  const temporary = join(folder, `.${crypto.randomUUID()}.part`);
  try {
    const { name, result } = await filled(temporary, write);
    const path = join(folder, name);
    await rename(temporary, path);
    await synchronise(folder);
    return { path, result };
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function filled<Written>(
  path: string,
  write: (append: (piece: Uint8Array) => Promise<void>) => Promise<Written>,
): Promise<Written> {
  const file = await open(path, 'wx', 0o600);
  try {
    const written = await write((piece) => file.appendFile(piece));
    await file.sync();
    return written;
  } finally {
    await file.close();
  }
}

/** The rename itself survives a crash only when its folder is on the disk. Windows has no such thing. */
async function synchronise(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory: FileHandle = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
