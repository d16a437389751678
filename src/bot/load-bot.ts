import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isWahookError, WahookError } from '../core/errors.ts';
import { Bot } from './bot.ts';

const LAST_LINE = 'export default defineBot((bot) => { … });';

/** The bot's file, and how it is called in a message to its author. */
interface BotFile {
  readonly path: string;
  readonly url: string;
  readonly shown: string;
}

/**
 * Loads the bot that a TypeScript or JavaScript file exports by default. `path` is absolute or counts from the current
 * directory. A file is run once a process: loading it again gives the same bot, unless it is by another `url` (hot-bot.ts).
 *
 * @throws WahookError `invalid_bot`; the message says what is wrong (with file and line where there is one), why it
 *   matters and how to mend it, in three parts.
 */
export async function loadBot(path: string, url = pathToFileURL(resolve(path)).href): Promise<Bot> {
  const file: BotFile = { path: resolve(path), url, shown: shownPath(resolve(path)) };
  await mustBeFile(file);
  const exported = await importBot(file);
  if (exported === undefined) {
    throw problem(
      `${file.shown} has no default export`,
      'The service runs the bot that this file exports by default.',
      `End the file with: ${LAST_LINE}`,
    );
  }
  if (!(exported instanceof Bot)) {
    throw problem(
      `${file.shown} exports something that defineBot did not make`,
      'Only a bot made by defineBot of this very installation has handlers that the service can run.',
      `import { defineBot } from 'wahook'; and then: ${LAST_LINE}`,
    );
  }
  if (exported.handlerCount === 0) {
    throw problem(
      `${file.shown} defines a bot without a handler`,
      'It would take every message and answer none.',
      "Declare one, e.g. bot.on('message', async (ctx) => { … });",
    );
  }
  return exported;
}

async function mustBeFile({ path, shown }: BotFile): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return;
  throw problem(
    found === undefined ? `There is no file ${shown}` : `${shown} is not a file`,
    'The service runs the bot that one TypeScript or JavaScript file exports.',
    'Create it, or name another file; a path counts from the directory that the service is started in.',
  );
}

async function importBot(file: BotFile): Promise<unknown> {
  try {
    const module: { readonly default?: unknown } = await import(file.url);
    return module.default;
  } catch (error) {
    throw await loadingProblem(error, file);
  }
}

async function loadingProblem(error: unknown, file: BotFile): Promise<WahookError> {
  const reason = error instanceof Error ? error.message : String(error);
  if (error instanceof SyntaxError) {
    const place = syntaxPlace(error.stack ?? '') ?? (await parsedPlace(file));
    return problem(
      `${place ?? `${file.shown}, or a file that it imports,`} does not parse: ${reason}`,
      'Node runs TypeScript by leaving out the types; what is left must be JavaScript (no enum, no namespace).',
      'Correct the line.',
      error,
    );
  }
  if (isModuleNotFound(error)) {
    return problem(
      `${file.shown} cannot be loaded: ${reason}`,
      'A file that it imports does not exist, or a package is not installed.',
      "Correct the import (a path ends in its file's .ts or .js), or install the package.",
      error,
    );
  }
  const place = error instanceof Error ? stackPlace(error.stack ?? '', dirname(file.path)) : undefined;
  if (isWahookError(error, 'invalid_bot')) {
    return problem(
      `${place ?? file.shown}: ${reason}`,
      'A handler that is declared wrongly would never run.',
      'Correct the line.',
      error,
    );
  }
  return problem(
    `${place ?? file.shown} throws while it is loaded: ${reason}`,
    'The file, and the function given to defineBot, run once at the start and must come to their end.',
    'Correct the line; what may fail belongs into a handler, where it is tried again.',
    error,
  );
}

function isModuleNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
}

/** `bot/index.ts:12` out of the line that Node puts above the code frame of a syntax error. */
function syntaxPlace(stack: string): string | undefined {
  const [, place, line] = /^(file:\/\/\S+):(\d+)$/m.exec(stack) ?? [];
  if (place === undefined) return undefined;
  return `${shownPath(fileURLToPath(place))}:${line}`;
}

/** Parses a module without linking or running it; stripping keeps every line in its place. */
const PARSE = `
  const source = require('node:fs').readFileSync(process.argv[1], 'utf8');
  const { stripTypeScriptTypes } = require('node:module');
  const javaScript = /[.][cm]?ts$/.test(process.argv[1]) ? stripTypeScriptTypes(source) : source;
  new (require('node:vm').SourceTextModule)(javaScript, { identifier: 'parsed' });
`;

/**
 * The place of a syntax error, if it is in this file. For one in JavaScript, or in what is left of TypeScript without its
 * types, `import()` rejects without a line; only the report of a process that dies of it has one (and `node --check` does
 * not look into TypeScript modules). A process of its own also keeps Node's warnings about its flags off the terminal.
 */
async function parsedPlace({ path, shown }: BotFile): Promise<string | undefined> {
  const flags = ['--no-warnings', '--experimental-vm-modules', '--eval', PARSE, path];
  const report = await new Promise<string>((done) => {
    execFile(process.execPath, flags, { timeout: 5_000 }, (_error, _stdout, stderr) => done(stderr));
  });
  const [, line] = /^parsed:(\d+)$/m.exec(report) ?? [];
  return line === undefined ? undefined : `${shown}:${line}`;
}

/** The innermost call in the bot's own folder, out of a stack. */
function stackPlace(stack: string, folder: string): string | undefined {
  for (const [, url, line] of stack.matchAll(/(file:\/\/[^\s()]+?):(\d+):\d+/g)) {
    const path = fileURLToPath(url ?? '');
    if (path.startsWith(folder + sep) && !path.includes(`${sep}node_modules${sep}`))
      return `${shownPath(path)}:${line}`;
  }
  return undefined;
}

/** As short as it can be said from the current directory. */
export function shownPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith('..') || isAbsolute(fromHere) ? path : fromHere;
}

function problem(what: string, why: string, how: string, cause?: unknown): WahookError {
  return new WahookError('invalid_bot', `${what}\n  Why  ${why}\n  Fix  ${how}`, cause === undefined ? {} : { cause });
}
