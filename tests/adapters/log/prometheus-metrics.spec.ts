import { expect } from 'chai';
import { COUNTERS, HISTOGRAMS } from '../../../src/adapters/log/metric-definitions.ts';
import { type GaugeReading, PrometheusMetrics } from '../../../src/adapters/log/prometheus-metrics.ts';
import type { MetricLabels } from '../../../src/core/ports/observation.ts';
import { TIME_LIMITS } from '../../../src/time-limits.ts';

function open(options: Partial<ConstructorParameters<typeof PrometheusMetrics>[0]> = {}) {
  return new PrometheusMetrics({ version: '1.2.3', limits: TIME_LIMITS.metrics, ...options });
}

/** The samples of one metric, e.g. `{outcome="ok"} 1`, without its name. */
async function samples(metrics: PrometheusMetrics, name: string): Promise<string[]> {
  const { text } = await metrics.render();
  const lines = text.split('\n').filter((line) => line.startsWith(name) && /^[{ ]/.test(line.slice(name.length)));
  return lines.map((line) => line.slice(name.length).trim());
}

const DEPTH: GaugeReading = { name: 'queue_depth', value: 7, labels: { queue: 'messages', state: 'waiting' } };

describe('PrometheusMetrics', () => {
  it('counts by labels', async () => {
    const metrics = open();
    metrics.count('webhook_requests_total', { outcome: 'accepted' });
    metrics.count('webhook_requests_total', { outcome: 'accepted' }, 2);
    metrics.count('webhook_requests_total', { outcome: 'error' });
    expect(await samples(metrics, 'wahook_webhook_requests_total')).to.include.members([
      '{outcome="accepted"} 3',
      '{outcome="error"} 1',
    ]);
  });

  it('shows the combinations that are known beforehand as 0, so that a rate sees the first one', async () => {
    const metrics = open();
    expect(await samples(metrics, 'wahook_webhook_requests_total'))
      .to.have.length(6)
      .and.include('{outcome="error"} 0');
    expect(await samples(metrics, 'wahook_dedup_cache_errors_total')).to.deep.equal(['0']);
    expect(await samples(metrics, 'wahook_handler_duration_seconds_count')).to.include('{outcome="timeout"} 0');
    expect(await samples(metrics, 'wahook_message_status_total')).to.deep.equal([]);
  });

  it('puts what it observes into buckets', async () => {
    const metrics = open();
    metrics.observe('webhook_accept_duration_seconds', 0.02, {});
    metrics.observe('webhook_accept_duration_seconds', 0.3, {});
    metrics.observe('handler_duration_seconds', 60, { outcome: 'ok' });
    expect(await samples(metrics, 'wahook_webhook_accept_duration_seconds_bucket')).to.deep.equal([
      '{le="0.005"} 0',
      '{le="0.01"} 0',
      '{le="0.025"} 1',
      '{le="0.05"} 1',
      '{le="0.1"} 1',
      '{le="0.25"} 1',
      '{le="0.5"} 2',
      '{le="1"} 2',
      '{le="2.5"} 2',
      '{le="5"} 2',
      '{le="+Inf"} 2',
    ]);
    expect(await samples(metrics, 'wahook_handler_duration_seconds_sum')).to.include('{outcome="ok"} 60');
  });

  it('has every metric with a help text, and those of the process without our prefix', async () => {
    const { contentType, text } = await open().render();
    expect(contentType).to.equal('text/plain; version=0.0.4; charset=utf-8');
    const ours = [...text.matchAll(/^# HELP wahook_(\w+) (.+)$/gm)];
    expect(ours.map(([, name]) => name)).to.include.members([
      ...[...Object.keys(COUNTERS), ...Object.keys(HISTOGRAMS)],
      ...['queue_depth', 'queue_oldest_age_seconds', 'held_conversations', 'dedup_cache_up', 'build_info'],
    ]);
    expect(text)
      .to.match(/^process_cpu_user_seconds_total /m)
      .and.to.match(/^nodejs_eventloop_lag_seconds /m);
  });

  it('says which version runs', async () => {
    expect(await samples(open(), 'wahook_build_info')).to.deep.equal([`{version="1.2.3",node="${process.version}"} 1`]);
  });

  it('keeps nothing in common with another instance', async () => {
    const one = open();
    one.count('dedup_cache_errors_total', {});
    expect(await samples(open(), 'wahook_dedup_cache_errors_total')).to.deep.equal(['0']);
  });

  it('calls what is outside a closed set other', async () => {
    const metrics = open();
    metrics.count('webhook_requests_total', { outcome: 'surprise' as 'error' });
    metrics.count('webhook_requests_total', {} as MetricLabels['webhook_requests_total']);
    expect(await samples(metrics, 'wahook_webhook_requests_total'))
      .to.have.length(7)
      .and.include('{outcome="other"} 2');
  });

  it('learns at most 60 values of a label, whatever comes', async () => {
    const metrics = open();
    for (let i = 0; i < 100_000; i++) metrics.count('webhook_elements_total', { kind: 'message', type: `type_${i}` });
    const lines = await samples(metrics, 'wahook_webhook_elements_total');
    expect(lines).to.have.length(61).and.include('{kind="message",type="other"} 99940');
    expect((await metrics.render()).text).to.have.length.below(200_000);
  });

  it('learns nothing that looks like a phone number, an id or free text', async () => {
    const metrics = open();
    for (const reason of ['491701234567', 'wamid.HBgL', 'hello there', 'x'.repeat(49), 'a"b', 'ü']) {
      metrics.count('dead_letters_total', { queue: 'messages', reason });
    }
    metrics.count('dead_letters_total', { queue: 'outbound', reason: 'graph_131047' });
    expect(await samples(metrics, 'wahook_dead_letters_total')).to.deep.equal([
      '{queue="messages",reason="other"} 6',
      '{queue="outbound",reason="graph_131047"} 1',
    ]);
  });

  it('ignores values and names that make no sense, in place of throwing', async () => {
    const metrics = open();
    const { text } = await metrics.render();
    for (const by of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      metrics.count('dedup_cache_errors_total', {}, by);
    }
    metrics.observe('end_to_end_seconds', Number.NaN, {});
    metrics.count('no_such_total' as 'dedup_cache_errors_total', {});
    metrics.observe('no_such_seconds' as 'end_to_end_seconds', 1, {});
    const ours = (page: string) => page.split('\n').filter((line) => line.startsWith('wahook_'));
    expect(ours((await metrics.render()).text)).to.deep.equal(ours(text));
  });

  describe('gauges', () => {
    it('reads them when asked', async () => {
      let value = 1;
      const metrics = open({
        gauges: [async () => [{ ...DEPTH, value }], () => [{ name: 'dedup_cache_up', value: 1, labels: {} }]],
      });
      expect(await samples(metrics, 'wahook_queue_depth')).to.deep.equal(['{queue="messages",state="waiting"} 1']);
      value = 2;
      expect(await samples(metrics, 'wahook_queue_depth')).to.deep.equal(['{queue="messages",state="waiting"} 2']);
      expect(await samples(metrics, 'wahook_dedup_cache_up')).to.deep.equal(['1']);
    });

    it('leaves out those that cannot be read, counts that, and shows the rest', async () => {
      let broken: 'no' | 'throws' | 'rejects' | 'hangs' = 'no';
      const depth = (): readonly GaugeReading[] | Promise<readonly GaugeReading[]> => {
        if (broken === 'throws') throw new Error('down');
        if (broken === 'rejects') return Promise.reject(new Error('down'));
        return broken === 'hangs' ? new Promise(() => {}) : [DEPTH];
      };
      const metrics = open({
        gauges: [depth, () => [{ name: 'dedup_cache_up', value: 0, labels: {} }]],
        limits: { gaugeMs: 20 },
      });
      expect(await samples(metrics, 'wahook_queue_depth')).to.have.length(1);
      for (broken of ['throws', 'rejects', 'hangs'] as const) {
        expect(await samples(metrics, 'wahook_queue_depth'), broken).to.deep.equal([]);
        expect(await samples(metrics, 'wahook_dedup_cache_up'), broken).to.deep.equal(['0']);
      }
      expect(await samples(metrics, 'wahook_gauge_errors_total')).to.deep.equal(['7']);
    });

    it('asks once for scrapes that come together', async () => {
      let calls = 0;
      const metrics = open({
        gauges: [
          async () => {
            calls += 1;
            return [DEPTH];
          },
        ],
      });
      const pages = await Promise.all([metrics.render(), metrics.render(), metrics.render()]);
      expect(calls).to.equal(1);
      expect(new Set(pages.map((page) => page.text)).size).to.equal(1);
      await metrics.render();
      expect(calls).to.equal(2);
    });
  });
});
