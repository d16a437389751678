import type {
  AccountEvent,
  DeliveryStatus,
  InboundMessage,
  InteractiveReply,
  MessageType,
  StatusUpdate,
  WebhookEvent,
} from '../core/model.ts';

export type MessageKind =
  | 'message'
  | `message.${MessageType}`
  /** The two kinds of `interactive` that matter most are `button_reply` and `list_reply`. */
  | `message.interactive.${InteractiveReply['kind']}`;

/** Another way to write a wide kind: `status.*` is `status`. */
type Wildcard = `${'message' | 'message.interactive' | 'status' | 'account'}.*`;

export type StatusKind = 'status' | `status.${DeliveryStatus}`;

/** `account.` plus any webhook field of Meta's, e.g. `account.message_template_status_update`. */
export type AccountKind = 'account' | `account.${string}`;

/** What a bot can listen to; a wider kind holds the narrower ones: `message`, `message.interactive`, …`.button_reply`. */
export type EventKind = MessageKind | StatusKind | AccountKind | Wildcard;

type InteractiveMessage = Extract<InboundMessage, { readonly type: 'interactive' }>;

/** The events of a kind, as narrow as its name says. */
export type EventOf<Kind extends EventKind> = Kind extends 'message' | 'message.*'
  ? InboundMessage
  : Kind extends 'message.interactive' | 'message.interactive.*'
    ? InteractiveMessage
    : Kind extends `message.interactive.${infer Reply}`
      ? InteractiveMessage & { readonly reply: Extract<InteractiveReply, { readonly kind: Reply }> }
      : Kind extends `message.${infer Type}`
        ? Extract<InboundMessage, { readonly type: Type }>
        : Kind extends 'status' | 'status.*'
          ? StatusUpdate
          : Kind extends `status.${infer Status}`
            ? StatusUpdate & { readonly status: Status }
            : Kind extends 'account' | 'account.*'
              ? AccountEvent
              : Kind extends `account.${infer Field}`
                ? AccountEvent & { readonly field: Field }
                : never;

/** All kinds that an event belongs to, the widest first. */
function kindsOf(event: WebhookEvent): readonly EventKind[] {
  switch (event.kind) {
    case 'message':
      return event.type === 'interactive'
        ? ['message', 'message.interactive', `message.interactive.${event.reply.kind}`]
        : ['message', `message.${event.type}`];
    case 'status':
      return ['status', `status.${event.status}`];
    case 'account':
      return ['account', `account.${event.field}`];
  }
}

export function isOfKind<Kind extends EventKind>(
  event: WebhookEvent,
  kind: Kind,
): event is WebhookEvent & EventOf<Kind> {
  return kindsOf(event).includes(kind.replace(/\.\*$/, '') as EventKind);
}

// The records below make the compiler name the word that is missing when the model gets a new one.
const MESSAGE_TYPES: Readonly<Record<MessageType, true>> = {
  text: true,
  image: true,
  video: true,
  audio: true,
  document: true,
  sticker: true,
  location: true,
  contacts: true,
  reaction: true,
  interactive: true,
  button: true,
  order: true,
  system: true,
  edit: true,
  revoke: true,
  unsupported: true,
  unknown: true,
};

const INTERACTIVE_REPLIES: Readonly<Record<InteractiveReply['kind'], true>> = {
  button_reply: true,
  list_reply: true,
  nfm_reply: true,
  call_permission_reply: true,
  product: true,
  unknown: true,
};

const DELIVERY_STATUSES: Readonly<Record<DeliveryStatus, true>> = {
  sent: true,
  delivered: true,
  read: true,
  played: true,
  failed: true,
  unknown: true,
};

/** Every kind but `account.<field>`, whose fields are Meta's to choose. */
export const CLOSED_KINDS: readonly string[] = [
  'message',
  ...Object.keys(MESSAGE_TYPES).map((type) => `message.${type}`),
  ...Object.keys(INTERACTIVE_REPLIES).map((reply) => `message.interactive.${reply}`),
  'status',
  ...Object.keys(DELIVERY_STATUSES).map((status) => `status.${status}`),
  'account',
];

/** For authors without a type check: Node strips types and looks at none of them. */
export function isEventKind(name: unknown): name is EventKind {
  if (typeof name !== 'string') return false;
  return (
    CLOSED_KINDS.includes(name) || /^account\../.test(name) || /^(message|message\.interactive|status)\.\*$/.test(name)
  );
}
