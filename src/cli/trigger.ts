import { readDevState } from './dev-state.ts';
import { EXIT } from './exit-codes.ts';
import { type Choice, type Choices, LocalMeta, MetaRefusal, type Triggered } from './local-meta.ts';
import { type Deed, readTriggerRequest, type TriggerRequest, USAGE } from './trigger-request.ts';

/** It cannot be done; the message is for the terminal. */
class Impossible extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, what: string, why = '', ...fix: readonly string[]) {
    super(why === '' ? what : `${what}\n  Why  ${why}\n  Fix  ${fix.join('\n       ')}`);
    this.exitCode = exitCode;
  }
}

async function urlOfMeta({ url }: TriggerRequest, dataDir: string): Promise<string> {
  const found = url ?? (await readDevState(dataDir))?.simulatorUrl;
  if (found !== undefined) return found;
  throw new Impossible(
    EXIT.unreachable,
    `No development server runs in this folder, as far as ${dataDir}/dev.json tells.`,
    'The local Meta, which sends the message, is part of it.',
    'Start it in another terminal:  npm run dev',
    'If it runs with DATA_DIR, set the same here; if in another folder, give what it prints as "local Meta":',
    '  npm run trigger -- text "hi" --url http://127.0.0.1:3001',
  );
}

/** What the customer sends, and how it reads in a line. */
async function contentOf(deed: Exclude<Deed, { kind: 'choices' }>, from: string, meta: LocalMeta) {
  switch (deed.kind) {
    case 'text':
      return { content: { type: 'text', text: deed.text }, line: `text "${deed.text}"` };
    case 'location': {
      const { kind: type, ...place } = deed;
      return { content: { type, ...place }, line: `location ${place.latitude}, ${place.longitude}` };
    }
    case 'tap':
    case 'pick': {
      const { id, title } = chosen(deed.kind, deed.choice, from, await meta.choices(from));
      return { content: { type: deed.kind, id }, line: `${deed.kind} "${title}"` };
    }
  }
}

/** By title, else by id, else by number. */
function chosen(kind: 'tap' | 'pick', choice: string, from: string, { buttons, rows }: Choices): Choice {
  const [thing, offered, others] = kind === 'tap' ? ['button', buttons, rows] : ['row', rows, buttons];
  const found =
    offered.find(({ title }) => title === choice) ??
    offered.find(({ id }) => id === choice) ??
    offered[Number(choice) - 1];
  if (found !== undefined) return found;
  const what = `There is no ${thing} "${choice}" in the bot's last interactive message to ${from}.`;
  if (offered.length > 0)
    throw new Impossible(EXIT.failed, what, `It has ${inWords(offered)}.`, `npm run trigger -- ${kind} 1`);
  if (others.length > 0) {
    const verb = kind === 'tap' ? 'pick' : 'tap';
    const why = verb === 'pick' ? 'It is a list, whose rows are picked' : 'It has buttons, which are tapped';
    throw new Impossible(EXIT.failed, what, `${why}: ${inWords(others)}.`, `npm run trigger -- ${verb} 1`);
  }
  const fix = 'Have the bot send some first, e.g.  npm run trigger -- text "hi"';
  throw new Impossible(EXIT.failed, what, 'There is nothing to tap or to pick in it, or none has come yet.', fix);
}

function inWords(choices: readonly Choice[]): string {
  return choices.map(({ title, id }, index) => `${index + 1} "${title}" (${id})`).join(', ');
}

function printChoices({ text = '', buttons, rows }: Choices, from: string): void {
  const [verb, choices] = rows.length > 0 ? ['pick', rows] : ['tap', buttons];
  if (choices.length === 0) {
    console.log(`Nothing to tap or to pick in the bot's last interactive message to ${from}.`);
    return;
  }
  console.log(JSON.stringify(text));
  const width = Math.max(...choices.map(({ title }) => title.length));
  for (const [index, { title, id }] of choices.entries())
    console.log(`${String(index + 1).padStart(4)}  ${title.padEnd(width)}  ${id}`);
  console.log(`By number, title or id:  npm run trigger -- ${verb} 1`);
}

function printResult(line: string, { deliveries, replies }: Triggered): void {
  const delivery = deliveries.at(-1);
  const ack = delivery === undefined ? 'not delivered' : `ack ${delivery.status} in ${Math.round(delivery.ms)} ms`;
  console.log(`-> ${line}   ${ack}`);
  for (const { type, text, buttons = [], rows = [] } of replies) {
    const choices = [...buttons, ...rows].map((title) => `[${title}]`).join(' ');
    console.log(`<- ${type} ${[JSON.stringify(text ?? ''), choices].filter(Boolean).join('   ')}`);
  }
}

async function trigger({ deed, from, timeoutMs, json }: TriggerRequest, meta: LocalMeta): Promise<number> {
  if (deed.kind === 'choices') {
    const choices = await meta.choices(from);
    if (json) console.log(JSON.stringify(choices));
    else printChoices(choices, from);
    return EXIT.done;
  }
  const { content, line } = await contentOf(deed, from, meta);
  const result = await meta.send(from, content, timeoutMs);
  if (json) console.log(JSON.stringify(result));
  else printResult(line, result);
  if (result.replies.length > 0) return EXIT.done;
  console.error(`No reply within ${timeoutMs / 1000} s. The log of the development server says why.`);
  return EXIT.timeout;
}

/** In the words for whoever waits at the terminal. */
function explained(error: unknown, url: string): Impossible {
  if (error instanceof Impossible) return error;
  if (error instanceof MetaRefusal) return new Impossible(EXIT.failed, `The local Meta refused it: ${error.message}`);
  if (error instanceof SyntaxError)
    return new Impossible(
      EXIT.unreachable,
      `What answers at ${url} is not the local Meta.`,
      'A development server has two ports, one of the service and one of the local Meta.',
      'Give the address that npm run dev prints as "local Meta".',
    );
  return new Impossible(
    EXIT.unreachable,
    `The local Meta at ${url} does not answer.`,
    'Nothing listens there, or it is halted.',
    'Stop the development server and start it again.',
  );
}

async function run(args: readonly string[], dataDir: string): Promise<number> {
  const request = readTriggerRequest(args);
  if (request === 'help') {
    console.log(USAGE);
    return EXIT.done;
  }
  if ('problem' in request) {
    console.error(`${request.problem}\n\n${USAGE}`);
    return EXIT.usage;
  }
  let url = '';
  try {
    url = await urlOfMeta(request, dataDir);
    return await trigger(request, new LocalMeta(url));
  } catch (error) {
    const { message, exitCode } = explained(error, url);
    console.error(message);
    return exitCode;
  }
}

process.exitCode = await run(process.argv.slice(2), process.env['DATA_DIR'] || '.wahook');
