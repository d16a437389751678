/**
 * What the compiler promises to the author of a bot. Never run: every `@ts-expect-error` is an error that must be there, and
 * every other line must compile.
 */
import { type AccountHandlerContext, defineBot, type EventKind, type MessageHandlerContext } from 'wahook';

/** Fails to compile unless both types are the same, `any` included. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_same: Same<A, B>): void {}

defineBot((bot) => {
  bot.on('message.text', (ctx) => {
    same<typeof ctx.message.text, string>(true);
    same<typeof ctx.text, string>(true);
    same<typeof ctx.message.type, 'text'>(true);
    // @ts-expect-error a text has no media
    ctx.message.media;
    // @ts-expect-error only a pattern matches
    ctx.match;
    // @ts-expect-error a message has no status
    ctx.status;
  });

  bot.on('message.image', (ctx) => {
    same<typeof ctx.message.media.id, string>(true);
    same<typeof ctx.message.caption, string | undefined>(true);
    same<typeof ctx.text, undefined>(true);
  });

  bot.on('message', (ctx) => {
    same<typeof ctx.text, string | undefined>(true);
    if (ctx.message.type === 'location') same<typeof ctx.message.latitude, number>(true);
    // @ts-expect-error not every message is a location
    ctx.message.latitude;
  });

  bot.on('message.interactive', (ctx) => {
    if (ctx.message.reply.kind === 'list_reply') same<typeof ctx.message.reply.description, string | undefined>(true);
    // @ts-expect-error not every reply has an id
    ctx.message.reply.id;
  });

  bot.on('message.interactive.list_reply', (ctx) => {
    same<typeof ctx.message.reply.kind, 'list_reply'>(true);
    same<typeof ctx.message.reply.description, string | undefined>(true);
  });

  bot.on('status', (ctx) => same<typeof ctx.status.messageId, string>(true));

  bot.on('status.failed', (ctx) => {
    same<typeof ctx.status.status, 'failed'>(true);
    // @ts-expect-error there is nobody to reply to
    ctx.reply;
  });

  bot.on('account.message_template_status_update', (ctx) => {
    same<typeof ctx.account.field, 'message_template_status_update'>(true);
    // @ts-expect-error there is nobody to reply to
    ctx.reply;
  });

  bot.on('account', (ctx: AccountHandlerContext) => same<typeof ctx.account.field, string>(true));

  bot.onText(/^hi/, (ctx) => {
    same<typeof ctx.match, RegExpExecArray>(true);
    same<typeof ctx.text, string>(true);
  });

  bot.onText('hi', (ctx) => {
    same<typeof ctx.text, string>(true);
    // @ts-expect-error a string has no groups to give
    ctx.match;
  });

  bot.onButton(/^order:(\d+)$/, (ctx) => same<typeof ctx.match, RegExpExecArray>(true));

  bot.onButton('track', (ctx) => {
    if (ctx.message.type === 'button') same<typeof ctx.message.payload, string | undefined>(true);
    else same<typeof ctx.message.reply.kind, 'button_reply'>(true);
    // @ts-expect-error a string has no groups to give
    ctx.match;
  });

  bot.onUnhandled((ctx: MessageHandlerContext) => ctx.reply.text('?'));

  // @ts-expect-error a typo in the type of a message
  bot.on('message.txet', () => {});
  // @ts-expect-error a typo in the kind
  bot.on('messages', () => {});
  // @ts-expect-error a typo in a reply
  bot.on('message.interactive.button', () => {});
  // @ts-expect-error a typo in a status
  bot.on('status.fialed', () => {});
  // @ts-expect-error a handler is a function
  bot.on('message', 'hello');
  // @ts-expect-error a pattern is a text or a regular expression
  bot.onText(7, () => {});

  bot.on('message', (ctx) => {
    // @ts-expect-error a text is a string
    void ctx.reply.text(7);
    // @ts-expect-error a typo in an option
    void ctx.reply.text('hi', { previewURL: true });
    // @ts-expect-error a button has an id
    void ctx.reply.buttons('sure?', [{ title: 'Yes' }]);
  });
});

same<Extract<EventKind, 'message.text' | 'status.read' | 'message.txet'>, 'message.text' | 'status.read'>(true);
