import { MemoryGateway } from '../../src/adapters/memory/memory-gateway.ts';
import { GraphGateway } from '../../src/adapters/meta/graph-gateway.ts';
import { TIME_LIMITS } from '../../src/time-limits.ts';
import { GraphStub, type StubAnswer } from '../support/graph-stub.ts';
import { RecordingMetrics } from '../support/recording.ts';
import { type OpenGateway, whatsAppGatewayContract } from './whats-app-gateway.contract.ts';

const STUB_ANSWERS: Readonly<Record<Parameters<OpenGateway['answerNext']>[0], StubAnswer>> = {
  sent: { kind: 'sent' },
  retry: { kind: 'error', code: 130429 },
  ambiguous: { kind: 'raw', status: 502, body: '<html>Bad gateway</html>' },
  window_closed: { kind: 'error', code: 131047 },
  rejected: { kind: 'error', code: 131026 },
  unauthorized: { kind: 'error', code: 190, status: 401 },
};

async function openGraphGateway(): Promise<OpenGateway> {
  const stub = await GraphStub.open();
  const metrics = new RecordingMetrics();
  const gateway = new GraphGateway({ apiUrl: stub.apiUrl, accessToken: 'token', metrics, limits: TIME_LIMITS.graph });
  return {
    gateway,
    answerNext: (kind) => stub.answerNext(STUB_ANSWERS[kind]),
    received: () => stub.taken,
    close: async () => {
      gateway.close();
      await stub.close();
    },
  };
}

async function openMemoryGateway(): Promise<OpenGateway> {
  const gateway = new MemoryGateway();
  return {
    gateway,
    answerNext: (kind) => {
      if (kind !== 'sent') gateway.failNext({ kind, reason: 'As told.' });
    },
    received: () => gateway.sent.map(({ sendId }) => sendId),
    close: async () => {},
  };
}

describe('WhatsAppGateway contract', () => {
  describe('GraphGateway', () => whatsAppGatewayContract(openGraphGateway));
  describe('MemoryGateway', () => whatsAppGatewayContract(openMemoryGateway));
});
