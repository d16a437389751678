import { createHmac, randomBytes } from 'node:crypto';
import type { Config } from '../config.ts';
import type { Check } from './verification.ts';

const WEBHOOK_PATH = '/webhook/whatsapp';

const LIMIT_MS = 5_000;

/** A webhook without a single element: whatever the answer, nothing is stored. The umlaut catches re-encoding on the way. */
const EMPTY_WEBHOOK = '{"object":"whatsapp_business_account","entry":[],"note":"grün"}';

/** Asks the running service what Meta will ask it. Stores nothing. */
export async function checkService(config: Config, url: string): Promise<readonly Check[]> {
  const health = await ask(`${url}/health`);
  const alive = checkAnswer('service', health, 200, `answers at ${url}`, {
    what: `Nothing healthy answers at ${url}/health (${describe(health)})`,
    why: 'The service does not run, or listens elsewhere.',
    fix: 'Start it (npm start), or name its address: npm run verify -- --url http://host:port',
  });
  if (alive.outcome !== 'pass') return [alive];
  const ready = await checkReady(url);
  if (config.role === 'worker')
    return [alive, ready, { title: 'webhook', outcome: 'skip', detail: 'ROLE=worker takes none' }];
  return [alive, ready, ...(await checkHandshake(config, url)), ...(await checkSignatures(config, url))];
}

async function checkReady(url: string): Promise<Check> {
  const answer = await ask(`${url}/ready`);
  return checkAnswer('ready', answer, 200, answer.text, {
    what: `The service is not ready (${describe(answer)}): ${answer.text}`,
    why: 'What is not "ok" in there is missing; until then webhooks are answered 503 and Meta repeats them.',
    fix: 'Mend the database first; the service recovers by itself.',
  });
}

async function checkHandshake({ whatsapp: { verifyToken } }: Config, url: string): Promise<readonly Check[]> {
  const challenge = String(randomBytes(4).readUInt32BE());
  const right = await ask(handshakeUrl(url, verifyToken, challenge));
  const wrong = await ask(handshakeUrl(url, `${verifyToken}-wrong`, challenge));
  const echoed = { ...right, status: right.status === 200 && right.text !== challenge ? 0 : right.status };
  return [
    checkAnswer('handshake', echoed, 200, 'the challenge comes back', {
      what: `The handshake with the verify token failed (${describe(right)})`,
      why: 'The service runs with another WHATSAPP_VERIFY_TOKEN than this command, or a proxy answers in its place.',
      fix: 'Give both the same settings and restart the service; the dashboard must have the same token.',
    }),
    checkAnswer('wrong token', wrong, 403, 'is refused', {
      what: `A handshake with a wrong token was not refused (${describe(wrong)})`,
      why: 'Something else than this service answers, such as a proxy with a page of its own.',
      fix: `Let the proxy pass ${WEBHOOK_PATH} on unchanged, with its query.`,
    }),
  ];
}

async function checkSignatures({ whatsapp: { webhookSecrets } }: Config, url: string): Promise<readonly Check[]> {
  const post = (body: string, signature: string) =>
    ask(`${url}${WEBHOOK_PATH}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-hub-signature-256': signature },
      body,
    });
  const [secret = ''] = webhookSecrets;
  const good = await Promise.all(webhookSecrets.map((each) => post(EMPTY_WEBHOOK, signatureOf(EMPTY_WEBHOOK, each))));
  const forged = await post(EMPTY_WEBHOOK, signatureOf(EMPTY_WEBHOOK, `${secret}-forged`));
  const changed = await post(EMPTY_WEBHOOK.replace('grün', 'blau'), signatureOf(EMPTY_WEBHOOK, secret));
  return [
    ...good.map((answer, index) =>
      checkAnswer(index === 0 ? 'good signature' : `… secret ${index + 1}`, answer, 200, 'is accepted', {
        what: `A correctly signed webhook was not accepted (${describe(answer)})`,
        why: 'The service runs with another WHATSAPP_WEBHOOK_SECRET than this command, or a proxy changes the body.',
        fix: 'Give both the same settings and restart the service; the secret is the app secret of the App Dashboard.',
      }),
    ),
    ...[
      { answer: forged, title: 'bad signature' },
      { answer: changed, title: 'changed body' },
    ].map(({ answer, title }) =>
      checkAnswer(title, answer, 401, 'is refused', {
        what: `A forged webhook was not refused (${describe(answer)})`,
        why: 'Something else than this service answers: anybody could send it messages.',
        fix: `Let ${url}${WEBHOOK_PATH} lead to this service and to nothing else.`,
      }),
    ),
  ];
}

/** `status` 0: no answer, and `text` says why not. */
interface Answer {
  readonly status: number;
  readonly text: string;
}

async function ask(url: string, init: RequestInit = {}): Promise<Answer> {
  try {
    const response = await fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.timeout(LIMIT_MS) });
    return { status: response.status, text: (await response.text()).slice(0, 500) };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
    return { status: 0, text: code ?? (cause instanceof Error ? cause.name : 'no answer') };
  }
}

function checkAnswer(
  title: string,
  answer: Answer,
  expected: number,
  detail: string,
  problem: { readonly what: string; readonly why: string; readonly fix: string },
): Check {
  return answer.status === expected ? { title, outcome: 'pass', detail } : { title, outcome: 'fail', ...problem };
}

function describe({ status, text }: Answer): string {
  return status === 0 ? text : `status ${status}`;
}

function handshakeUrl(url: string, token: string, challenge: string): string {
  const query = new URLSearchParams({ 'hub.mode': 'subscribe', 'hub.verify_token': token, 'hub.challenge': challenge });
  return `${url}${WEBHOOK_PATH}?${query}`;
}

function signatureOf(body: string, secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}
