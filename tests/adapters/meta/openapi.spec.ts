import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { expect } from 'chai';
import { requestBody } from '../../../src/adapters/meta/graph-request.ts';
import type { OutboundMessage, Recipient } from '../../../src/core/model.ts';
import type { OutboundContent } from '../../../src/core/outbound-content.ts';
import { ALL_SAMPLES } from '../../support/outbound-samples.ts';
import { DIFFERENCES, type Difference, type Schema, tightenTemplates } from './openapi-differences.ts';

const FILE = readFileSync('tests/fixtures/openapi/send-message.v23.json', 'utf8');

function validator(differences: readonly Difference[]): ValidateFunction {
  const { components } = JSON.parse(FILE) as { components: { schemas: Schema } };
  for (const { apply } of differences) apply(components.schemas);
  tightenTemplates(components.schemas);
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  return ajv.compile({ components, $ref: '#/components/schemas/Message' });
}

const ANA: Recipient = { waId: '15550100001' };
const GROUP: Recipient = { groupId: 'Y2FwaV8x' };

function bodyOf(content: OutboundContent, over: Partial<OutboundMessage> = {}): unknown {
  const message = { sendId: crypto.randomUUID(), phoneNumberId: '106540352242922', to: ANA, content };
  return JSON.parse(requestBody({ ...message, ...over }));
}

/** Every builder, every way to address, and the two forms that need the greatest length. */
const BODIES: readonly unknown[] = [
  ...ALL_SAMPLES.map((content) => bodyOf(content, content.type === 'pin' ? { to: GROUP } : {})),
  ...[{ userId: 'US.1349' }, GROUP].map((to) => bodyOf({ type: 'text', text: 'Hi' }, { to })),
  bodyOf({ type: 'text', text: 'Hi' }, { replyTo: 'wamid.IN1' }),
  bodyOf({
    ...{ type: 'list', text: 'x'.repeat(4096), button: 'b' },
    sections: [{ rows: [{ id: 'a', title: 'A' }] }],
  }),
  bodyOf({ type: 'contacts', contacts: Array.from({ length: 257 }, () => ({ name: { formatted: 'Ana' } })) }),
];

function problems(validate: ValidateFunction, body: unknown): string {
  return validate(body) ? '' : JSON.stringify(validate.errors, undefined, 1);
}

describe("Meta's OpenAPI description", () => {
  const validate = validator(DIFFERENCES);

  for (const body of BODIES) {
    const { type, interactive } = body as { type: string; interactive?: { type: string } };
    it(`takes what is sent: ${type}${interactive === undefined ? '' : ` ${interactive.type}`}`, () => {
      expect(problems(validate, body)).to.equal('');
    });
  }

  for (const difference of DIFFERENCES)
    it(`still differs: ${difference.what}`, () => {
      const without = validator(DIFFERENCES.filter((other) => other !== difference));
      expect(BODIES.every((body) => without(body))).to.equal(false);
    });

  const wrong: readonly [what: string, body: Schema][] = [
    ['a misspelt field', { ...(bodyOf({ type: 'text', text: 'Hi' }) as object), contxt: {} }],
    ['a field of ours in a text', { ...common('text'), text: { body: 'Hi', previewUrl: true } }],
    ['an image without id and link', { ...common('image'), image: {} }],
    ['an unknown interactive', { ...common('interactive'), interactive: { type: 'poll', action: { name: 'poll' } } }],
    ['a button without title', interactiveOf('button', { buttons: [{ type: 'reply', reply: { id: 'a' } }] })],
    ['a link without url', interactiveOf('cta_url', { name: 'cta_url', parameters: { display_text: 'a' } })],
    ['an unknown component', templateOf({ type: 'tail' })],
    ['a button of a template without index', templateOf({ type: 'button', sub_type: 'url', parameters: [] })],
    ['a value without text', templateOf({ type: 'body', parameters: [{ type: 'text' }] })],
    ['an image in the body', templateOf({ type: 'body', parameters: [{ type: 'image', image: { id: '1' } }] })],
  ];
  for (const [what, body] of wrong)
    it(`refuses ${what}, so that the checks above can fail`, () => {
      expect(validate(body)).to.equal(false);
    });
});

function common(type: string): object {
  return { messaging_product: 'whatsapp', recipient_type: 'individual', to: '+15550100001', type };
}

function interactiveOf(type: string, action: object): object {
  return { ...common('interactive'), interactive: { type, body: { text: 'a' }, action } };
}

function templateOf(component: object): object {
  return { ...common('template'), template: { name: 'a', language: { code: 'en' }, components: [component] } };
}
