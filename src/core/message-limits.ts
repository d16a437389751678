import { CATALOG_CHECKS } from './catalog-limits.ts';
import { INTERACTIVE_CHECKS } from './interactive-limits.ts';
import { type ContentChecks, refuse } from './limit-checks.ts';
import type { OutboundMessage, Recipient } from './model.ts';
import type { Fallback, OutboundContent, OutboundType } from './outbound-content.ts';
import { PLAIN_CHECKS } from './plain-limits.ts';
import { fallbackContent } from './service-window.ts';
import { checkTemplate } from './template-limits.ts';

const CHECKS: ContentChecks<OutboundType> = {
  ...PLAIN_CHECKS,
  ...INTERACTIVE_CHECKS,
  ...CATALOG_CHECKS,
  template: checkTemplate,
};

/** As deep as an inbound message may be; Meta's own templates have 6 levels. */
const MAX_DEPTH = 64;

/**
 * Passes a message that Meta can take, as far as its documented limits say; all of this is known before anything is sent.
 *
 * @throws WahookError `invalid_message`; its message names the field, the limit and the length, never the text.
 */
export function checkOutbound(message: Omit<OutboundMessage, 'sendId'>): void {
  checkRecipient(message.to);
  checkStorable(message.content);
  checkContent(message.content);
  checkFit(message);
  if (message.fallback === undefined) return;
  checkStorable(message.fallback);
  checkFallback(message.content, message.fallback);
}

const FALLBACK_FIELDS: Readonly<Record<keyof Fallback, true>> = {
  ...{ template: true, language: true, header: true, body: true, buttons: true, carousel: true, offerEndsAtMs: true },
};

/** By the time that it is needed nobody is there any more to mend it. */
function checkFallback({ type }: OutboundContent, fallback: Fallback): void {
  if (type === 'template') refuse('a template needs no fallback: Meta takes it at any time');
  if (typeof fallback !== 'object' || fallback === null)
    refuse('its fallback must be an object with template and language');
  const unknown = Object.keys(fallback).find((field) => !Object.hasOwn(FALLBACK_FIELDS, field));
  if (unknown !== undefined)
    refuse(
      `its fallback has a field ${JSON.stringify(unknown.slice(0, 40))}; it takes ${Object.keys(FALLBACK_FIELDS).join(', ')}`,
    );
  checkTemplate(fallbackContent(fallback));
}

function checkRecipient({ waId, userId, groupId }: Recipient): void {
  if (!waId && !userId && !groupId) refuse('the recipient needs a waId, a userId or a groupId');
  if (waId && !/^\d+$/.test(waId))
    refuse(
      'the waId of the recipient must be the digits of the phone number with its country code, without + and spaces',
    );
}

/** Whether there are messages of this type. */
export function isOutboundType(type: unknown): type is OutboundType {
  return typeof type === 'string' && Object.hasOwn(CHECKS, type);
}

function checkContent(content: OutboundContent): void {
  if (!isOutboundType(content.type))
    refuse(`its type is not known; known are ${Object.keys(CHECKS).sort().join(', ')}`);
  // The compiler cannot see that the check found by a content's type is the one for this content.
  (CHECKS[content.type] as (content: OutboundContent) => void)(content);
}

/** What only content and recipient together tell. */
function checkFit({ content, to, replyTo }: Omit<OutboundMessage, 'sendId'>): void {
  if (content.type === 'pin' && !to.groupId) refuse('only in a group can a message be pinned');
  // Meta, Contextual replies (copy of 2025-12 to 2026-03).
  if (content.type === 'reaction' && replyTo !== undefined) refuse('a reaction cannot quote a message');
}

/**
 * What cannot be stored cannot be sent either: a database refuses U+0000 and half of a surrogate pair (what is left of an emoji
 * when a text is cut in its middle), and nobody nests a message this deep on purpose. Without recursion, as it may be deep, and
 * before everything that is not.
 */
function checkStorable(content: OutboundContent | Fallback): void {
  const open: { readonly value: unknown; readonly depth: number }[] = [{ value: content, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, depth } = next;
    if (depth > MAX_DEPTH) refuse(`it is nested deeper than ${MAX_DEPTH} levels`);
    if (typeof value === 'string') checkText(value);
    else if (typeof value === 'object' && value !== null)
      for (const [key, inner] of Object.entries(value)) {
        checkText(key);
        open.push({ value: inner, depth: depth + 1 });
      }
  }
}

function checkText(text: string): void {
  if (text.includes('\u0000')) refuse('a text in it holds the character U+0000');
  if (!text.isWellFormed()) refuse('a text in it holds half of a character, as when an emoji is cut in its middle');
}
