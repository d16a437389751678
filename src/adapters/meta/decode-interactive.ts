import type { InteractiveReply, Json } from '../../core/model.ts';
import { findFlaw } from './storable-json.ts';
import {
  buttonReplySchema,
  callPermissionReplySchema,
  interactiveSchema,
  listReplySchema,
  nfmReplySchema,
} from './webhook-schema.ts';
import { isJsonObject, parseJsonText } from './wire-json.ts';
import { msOf } from './wire-time.ts';
import { withoutUndefined } from './without-undefined.ts';

type ReplyDecoder = (wire: Json | undefined) => InteractiveReply | undefined;

const REPLY_DECODERS: ReadonlyMap<string, ReplyDecoder> = new Map<string, ReplyDecoder>([
  ['button_reply', buttonReply],
  ['list_reply', listReply],
  ['nfm_reply', nfmReply],
  ['call_permission_reply', callPermissionReply],
  ['product', product],
]);

/** The reply in an `interactive` object. Always one: without the object, or of an unknown kind, it is `unknown`. */
export function decodeInteractive(interactive: Json | undefined): InteractiveReply {
  const reported = interactiveSchema.safeParse(interactive).data?.type;
  const wire = reported !== undefined && isJsonObject(interactive) ? interactive[reported] : undefined;
  return (
    REPLY_DECODERS.get(reported ?? '')?.(wire) ??
    withoutUndefined({ kind: 'unknown', reported, value: interactive ?? null })
  );
}

function buttonReply(wire: Json | undefined): InteractiveReply | undefined {
  const { data } = buttonReplySchema.safeParse(wire);
  return data && { kind: 'button_reply', id: data.id, title: data.title };
}

function listReply(wire: Json | undefined): InteractiveReply | undefined {
  const { data } = listReplySchema.safeParse(wire);
  return (
    data && withoutUndefined({ kind: 'list_reply', id: data.id, title: data.title, description: data.description })
  );
}

function nfmReply(wire: Json | undefined): InteractiveReply | undefined {
  const { data } = nfmReplySchema.safeParse(wire);
  if (data === undefined) return undefined;
  const response = parseJsonText(data.response_json);
  return withoutUndefined({
    kind: 'nfm_reply',
    name: data.name,
    body: data.body,
    responseJson: data.response_json,
    // JSON in a JSON string: what the check of the message saw as harmless `\u0000` is a real NUL in here.
    response: findFlaw(response) === undefined ? response : undefined,
  });
}

function callPermissionReply(wire: Json | undefined): InteractiveReply | undefined {
  const { data } = callPermissionReplySchema.safeParse(wire);
  return (
    data &&
    withoutUndefined({
      kind: 'call_permission_reply',
      response: data.response,
      expiresAtMs: msOf(data.expiration_timestamp),
      isPermanent: data.is_permanent,
      responseSource: data.response_source,
    })
  );
}

/** Added in August 2026; Meta has not shown what is in it. */
function product(wire: Json | undefined): InteractiveReply | undefined {
  return wire === undefined ? undefined : { kind: 'product', value: wire };
}
