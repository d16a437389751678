import { MemoryTemplates } from '../../src/adapters/memory/memory-templates.ts';
import { GraphConnections } from '../../src/adapters/meta/graph-connections.ts';
import { GraphTemplates } from '../../src/adapters/meta/graph-templates.ts';
import type { MessageTemplate, TemplateCardPart } from '../../src/core/message-template.ts';
import { createSimulator } from '../../src/simulator/simulator.ts';
import { TIME_LIMITS } from '../../src/time-limits.ts';
import { templateSourceContract } from './template-source.contract.ts';

/** As Meta words the parts. */
function components({ header, body, buttons }: TemplateCardPart) {
  const places = (names: readonly string[]) => names.map((name) => `{{${name}}}`).join(' ');
  return [
    ...(header ? [{ type: 'HEADER', format: header.format, text: places(header.places) }] : []),
    ...(body ? [{ type: 'BODY', text: body.text }] : []),
    ...(buttons.length > 0
      ? [
          {
            type: 'BUTTONS',
            buttons: buttons.map(({ type, text, hasPlace }) => ({
              ...{ type, text },
              ...(type === 'URL' && { url: `https://example.com/${hasPlace ? '{{1}}' : ''}` }),
            })),
          },
        ]
      : []),
  ];
}

function wireForm(template: MessageTemplate) {
  const { name, language, status, category = 'UTILITY', footer, cards, offer } = template;
  return {
    ...{ name, language, status, category, parameter_format: 'POSITIONAL' as const },
    components: [
      ...components(template),
      ...(footer === undefined ? [] : [{ type: 'FOOTER', text: footer }]),
      ...(offer
        ? [{ type: 'LIMITED_TIME_OFFER', limited_time_offer: { text: 'Soon', has_expiration: offer.ends } }]
        : []),
      ...(cards ? [{ type: 'CAROUSEL', cards: cards.map((card) => ({ components: components(card) })) }] : []),
    ],
  };
}

describe('TemplateSource contract', () => {
  describe('MemoryTemplates', () =>
    templateSourceContract(async () => {
      const source = new MemoryTemplates();
      const account = { businessAccountId: '102290129340398', phoneNumberId: '106540352242922' };
      const add = (templates: readonly MessageTemplate[]) => source.put(account.businessAccountId, templates);
      return { source, account, add, close: async () => {} };
    }));

  describe('GraphTemplates', () =>
    templateSourceContract(async () => {
      const meta = await createSimulator({ webhookUrl: 'http://127.0.0.1:9/nobody', retryDelaysMs: [] });
      const { apiUrl, business } = meta;
      const { accessToken, phoneNumberId, businessAccountId } = business;
      const limits = TIME_LIMITS.graph;
      const connections = new GraphConnections('http:', limits);
      return {
        source: new GraphTemplates({ apiUrl, accessToken, connections, limits }),
        account: { businessAccountId, phoneNumberId },
        add: (templates) => {
          for (const template of templates) meta.templates.put(wireForm(template));
        },
        close: async () => {
          connections.close();
          await meta.close();
        },
      };
    }));
});
