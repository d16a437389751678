import { MemoryMediaStore } from '../../src/adapters/memory/memory-media-store.ts';
import { GraphMedia } from '../../src/adapters/meta/graph-media.ts';
import { createSimulator, Simulator } from '../../src/simulator/simulator.ts';
import { SimulatedMedia } from '../../src/testing/simulated-media.ts';
import { TIME_LIMITS } from '../../src/time-limits.ts';
import { RecordingLog } from '../support/recording.ts';
import { mediaStoreContract } from './media-store.contract.ts';

describe('MediaStore contract', () => {
  describe('MemoryMediaStore', () =>
    mediaStoreContract(async () => {
      const store = new MemoryMediaStore();
      const receive = async (mimeType: string, content: Buffer) => {
        const id = crypto.randomUUID();
        store.receive(id, mimeType, content);
        return id;
      };
      return { store, phoneNumberId: '106540352242922', receive, close: async () => {} };
    }));

  describe('SimulatedMedia', () =>
    mediaStoreContract(async () => {
      const meta = new Simulator();
      const receive = async (mimeType: string, content: Buffer) => meta.media.put('webhook', mimeType, content).id;
      const store = new SimulatedMedia(meta.media);
      return { store, phoneNumberId: meta.business.phoneNumberId, receive, close: () => meta.close() };
    }));

  describe('GraphMedia', () =>
    mediaStoreContract(async () => {
      const meta = await createSimulator({ webhookUrl: 'http://127.0.0.1:9/nobody', retryDelaysMs: [] });
      const { apiUrl, business } = meta;
      const { graph: limits, media: transferLimits } = TIME_LIMITS;
      const { accessToken, phoneNumberId } = business;
      const store = new GraphMedia({ apiUrl, accessToken, log: new RecordingLog(), limits, transferLimits });
      return {
        store,
        phoneNumberId,
        receive: async (mimeType, content) => {
          const turn = meta.customer('ana').sends({ type: 'image', mimeType, data: content.toString('base64') });
          return (turn.record.message['image'] as { id: string }).id;
        },
        close: async () => {
          store.close();
          await meta.close();
        },
      };
    }));
});
