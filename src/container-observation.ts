import type { Container } from 'inversify';
import { JsonLog } from './adapters/log/json-log.ts';
import { type GaugeReading, PrometheusMetrics } from './adapters/log/prometheus-metrics.ts';
import { Redaction } from './adapters/log/redaction.ts';
import type { Config } from './config.ts';
import { type ServedMetrics, TOKENS } from './container-tokens.ts';
import { QUEUE_NAMES } from './core/lanes.ts';
import type { Log } from './core/ports/observation.ts';
import type { MessageQueue, QueueName } from './core/ports/queue.ts';
import { TIME_LIMITS } from './time-limits.ts';

/** Binds the log, what it must not show, and the metrics; `replace` is what a test puts in their place. */
export function bindObservation(
  container: Container,
  config: Config,
  version: string,
  replace: { readonly log?: Log; readonly metrics?: ServedMetrics },
): void {
  const { whatsapp, log, remoteHandler, apiToken = [] } = config;
  const ours = [whatsapp.accessToken, whatsapp.verifyToken, ...whatsapp.webhookSecrets];
  const secrets = ours.concat(remoteHandler?.secrets ?? [], apiToken);
  const redaction = new Redaction(secrets);
  container.bind(TOKENS.redaction).toConstantValue(redaction);
  container.bind(TOKENS.log).toConstantValue(replace.log ?? new JsonLog({ ...log, redaction }));
  const queueGauges = async (): Promise<readonly GaugeReading[]> => {
    const queue = await container.getAsync(TOKENS.messageQueue);
    return (await Promise.all(QUEUE_NAMES.map((name) => readQueue(queue, name)))).flat();
  };
  const numberGauges = async (): Promise<readonly GaugeReading[]> => {
    const numbers = await (await container.getAsync(TOKENS.sendingNumbers)).list();
    return numbers.flatMap(({ phoneNumberId, stopped }) => {
      if (stopped === undefined) return [];
      const labels = { number: phoneNumberId.slice(-4), reason: stopped.error.code };
      return [{ name: 'number_stopped' as const, labels, value: 1 }];
    });
  };
  const cacheGauges = async (): Promise<readonly GaugeReading[]> => {
    if (!container.isBound(TOKENS.dedupCache)) return [];
    const { up } = await container.getAsync(TOKENS.dedupCache);
    return [{ name: 'dedup_cache_up', labels: {}, value: up ? 1 : 0 }];
  };
  container.bind(TOKENS.metrics).toConstantValue(
    replace.metrics ??
      new PrometheusMetrics({
        version,
        gauges: [queueGauges, numberGauges, cacheGauges],
        limits: TIME_LIMITS.metrics,
      }),
  );
}

async function readQueue(queue: MessageQueue, name: QueueName): Promise<readonly GaugeReading[]> {
  const { waiting, dead, held, oldestMs } = await queue.depth(name);
  return [
    { name: 'queue_depth', labels: { queue: name, state: 'waiting' }, value: waiting },
    { name: 'queue_depth', labels: { queue: name, state: 'dead' }, value: dead },
    { name: 'queue_oldest_age_seconds', labels: { queue: name }, value: oldestMs / 1000 },
    ...(name === 'messages' ? [{ name: 'held_conversations' as const, labels: {}, value: held }] : []),
  ];
}
