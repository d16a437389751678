import { parseArgs } from 'node:util';
import { readDevState } from './dev-state.ts';
import { EXIT } from './exit-codes.ts';

const USAGE = `Makes the local Meta deliver a customer's message to the running development server and prints the bot's reply.

  npm run trigger -- text "hi"
  npm run trigger -- text "hi" --from kim        from Kim, who has a user name and no phone number
  npm run trigger -- tap "Track my order"        tap a button of the bot's last message

  --from NAME     customer (default ana)
  --timeout S     seconds to wait for the reply (default 10)
  --json          one JSON document instead of lines
`;

/** What the local Meta answers to a triggered message. */
interface Triggered {
  readonly wamid: string;
  readonly deliveries: readonly { readonly status: number; readonly ms: number }[];
  readonly replies: readonly { readonly type: string; readonly text?: string; readonly buttons?: readonly string[] }[];
}

interface Request {
  readonly kind: 'text' | 'tap';
  readonly words: string;
  readonly from: string;
  readonly timeoutMs: number;
  readonly json: boolean;
}

/** Undefined if the arguments make no sense; `help` if they ask what would. */
function readRequest(args: readonly string[]): Request | 'help' | undefined {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        from: { type: 'string', default: 'ana' },
        timeout: { type: 'string', default: '10' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    const [kind, ...rest] = positionals;
    const timeoutMs = Number(values.timeout) * 1000;
    if (values.help) return 'help';
    if ((kind !== 'text' && kind !== 'tap') || rest.length === 0 || !(timeoutMs > 0)) return undefined;
    return { kind, words: rest.join(' '), from: values.from, timeoutMs, json: values.json };
  } catch {
    return undefined;
  }
}

async function trigger(simulatorUrl: string, request: Request): Promise<Response> {
  const { kind, words, from, timeoutMs } = request;
  const content = kind === 'text' ? { type: 'text', text: words } : { type: 'tap', title: words };
  return await fetch(`${simulatorUrl}/_sim/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ from, ...content, wait: 'reply', timeoutMs }),
    signal: AbortSignal.timeout(timeoutMs + 5_000),
  });
}

function print(request: Request, result: Triggered): void {
  if (request.json) {
    console.log(JSON.stringify(result));
    return;
  }
  const delivery = result.deliveries.at(-1);
  const ack = delivery === undefined ? 'not delivered' : `ack ${delivery.status} in ${Math.round(delivery.ms)} ms`;
  console.log(`-> ${request.kind} "${request.words}"   ${ack}`);
  for (const reply of result.replies) {
    const buttons = reply.buttons?.map((title) => `[${title}]`).join(' ');
    console.log(`<- ${reply.type} ${[JSON.stringify(reply.text ?? ''), buttons].filter(Boolean).join('   ')}`);
  }
}

async function run(args: readonly string[], dataDir: string): Promise<number> {
  const request = readRequest(args);
  if (request === undefined) {
    console.error(USAGE);
    return EXIT.usage;
  }
  if (request === 'help') {
    console.log(USAGE);
    return EXIT.done;
  }
  const dev = await readDevState(dataDir);
  if (dev === undefined) {
    console.error(
      'No development server runs in this folder.\n  Why  The local Meta, which sends the message, is part of it.',
    );
    console.error('  Fix  Start it in another terminal:  npm run dev');
    return EXIT.unreachable;
  }
  const response = await trigger(dev.simulatorUrl, request).catch(() => undefined);
  if (response === undefined) {
    console.error(
      `The local Meta at ${dev.simulatorUrl} does not answer.\n  Fix  Stop the development server and start it again.`,
    );
    return EXIT.unreachable;
  }
  if (!response.ok) {
    const { error } = (await response.json()) as { readonly error: { readonly message: string } };
    console.error(`The local Meta refused the message: ${error.message}`);
    return EXIT.failed;
  }
  const result = (await response.json()) as Triggered;
  print(request, result);
  if (result.replies.length > 0) return EXIT.done;
  console.error(`No reply within ${request.timeoutMs / 1000} s. The log of the development server says why.`);
  return EXIT.timeout;
}

process.exitCode = await run(process.argv.slice(2), process.env['DATA_DIR'] || '.wahook');
