import { createHash } from 'node:crypto';
import type { Container } from 'inversify';
import type { Redaction } from './adapters/log/redaction.ts';
import { decodeWebhook } from './adapters/meta/decode-webhook.ts';
import { GraphGateway } from './adapters/meta/graph-gateway.ts';
import { GraphMedia } from './adapters/meta/graph-media.ts';
import { HmacSignatureVerifier } from './adapters/meta/hmac-signature-verifier.ts';
import { type AnswerGraph, InProcessConnections } from './adapters/meta/in-process-connections.ts';
import { type NumberSettings, NumbersFile } from './adapters/meta/numbers-file.ts';
import type { Config } from './config.ts';
import { type Closers, TOKENS } from './container-tokens.ts';
import type { MediaStore } from './core/ports/channel.ts';
import type { Log, Metrics } from './core/ports/observation.ts';
import type { NumberLimits, SendLimits } from './core/send-limits.ts';
import { TIME_LIMITS } from './time-limits.ts';

/**
 * Binds what stands between us and Meta, with the settings of each number; `graph` answers in the place of the Graph API, `media` has the files
 * in place of it.
 */
export function bindMeta(
  container: Container,
  { graph, media }: { readonly graph?: AnswerGraph; readonly media?: MediaStore },
): void {
  bindNumbers(container);
  bindReceiving(container);
  bindGateway(container, graph);
  bindMedia(container, media);
}

function bindReceiving(container: Container): void {
  container.bind(TOKENS.decodeWebhook).toConstantValue(decodeWebhook);
  container
    .bind(TOKENS.signatureVerifier)
    .toResolvedValue(
      (config: Config, file: NumbersFile | undefined) =>
        new HmacSignatureVerifier(file === undefined ? config.whatsapp.webhookSecrets : () => file.secrets),
      [TOKENS.config, TOKENS.numbersFile],
    );
}

function bindGateway(container: Container, graph: AnswerGraph | undefined): void {
  container.bind(TOKENS.gateway).toResolvedValue(
    (
      { whatsapp: { apiUrl, accessToken } }: Config,
      metrics: Metrics,
      closers: Closers,
      file: NumbersFile | undefined,
    ) => {
      const gateway = new GraphGateway({
        ...{ apiUrl, accessToken, metrics, limits: TIME_LIMITS.graph },
        ...(graph && { connections: new InProcessConnections(graph) }),
        ...(file && { accessOf: (id) => file.of(id) }),
      });
      closers.add(() => gateway.close());
      return gateway;
    },
    [TOKENS.config, TOKENS.metrics, TOKENS.closers, TOKENS.numbersFile],
  );
}

function bindMedia(container: Container, replacement: MediaStore | undefined): void {
  container.bind(TOKENS.media).toResolvedValue(
    ({ whatsapp: { apiUrl, accessToken } }: Config, log: Log, closers: Closers, file: NumbersFile | undefined) => {
      if (replacement !== undefined) return replacement;
      const { graph: limits, media: transferLimits } = TIME_LIMITS;
      const media = new GraphMedia({
        ...{ apiUrl, accessToken, log, limits, transferLimits },
        ...(file && { accessOf: (id) => file.of(id) }),
      });
      closers.add(() => media.close());
      return media;
    },
    [TOKENS.config, TOKENS.log, TOKENS.closers, TOKENS.numbersFile],
  );
}

/** What our numbers are used with, and Meta's limits on each of them. */
function bindNumbers(container: Container): void {
  container
    .bind(TOKENS.numbersFile)
    .toResolvedValue(
      (config: Config, log: Log, redaction: Redaction, closers: Closers) =>
        openNumbersFile(container, config, log, redaction, closers),
      [TOKENS.config, TOKENS.log, TOKENS.redaction, TOKENS.closers],
    );
  container.bind(TOKENS.sendLimits).toResolvedValue(sendLimits, [TOKENS.config, TOKENS.numbersFile]);
}

function openNumbersFile(
  container: Container,
  config: Config,
  log: Log,
  redaction: Redaction,
  closers: Closers,
): NumbersFile | undefined {
  const { whatsapp, sending, numbersFile: path } = config;
  if (path === undefined) return undefined;
  const { apiUrl, accessToken, phoneNumberId, webhookSecrets: secrets } = whatsapp;
  const own = { apiUrl, accessToken, phoneNumberId, secrets, perSecond: sending.perSecond };
  // What was stopped because of an old token is tried with the new one.
  const onChange = () =>
    void container
      .getAsync(TOKENS.sendingNumbers)
      .then((numbers) => numbers.resumeRenewed())
      .catch(() => log.warn('Numbers with a new token are resumed at their next probe', {}));
  const onSecrets = (values: readonly string[]) => redaction.add(values);
  const file = new NumbersFile({ path, own, log, onSecrets, onChange });
  closers.add(() => file.close());
  return file;
}

function sendLimits({ sending, whatsapp: { accessToken } }: Config, file: NumbersFile | undefined): SendLimits {
  const own = { perSecond: sending.perSecond, accessToken };
  const limitsOf = (phoneNumberId: string): NumberLimits => {
    const { perSecond, accessToken: token, account } = settingsOf(phoneNumberId, file, own);
    return { perSecond, credential: fingerprintOf(token), ...(account !== undefined && { account }) };
  };
  return { pair: sending.pair, limitsOf };
}

/** A number that is not ours sends nothing, but what it receives is counted. */
function settingsOf(
  phoneNumberId: string,
  file: NumbersFile | undefined,
  own: Pick<NumberSettings, 'perSecond' | 'accessToken'>,
): Pick<NumberSettings, 'perSecond' | 'accessToken' | 'account'> {
  return file === undefined ? own : (file.of(phoneNumberId) ?? { perSecond: own.perSecond, accessToken: '' });
}

/** Tells one token from another without telling it. */
function fingerprintOf(token: string): string {
  return createHash('sha256').update(token).digest('hex').slice(0, 12);
}
