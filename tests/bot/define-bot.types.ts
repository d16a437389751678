/**
 * What the compiler promises to the author of a bot. Never run: every `@ts-expect-error` is an error that must be there, and
 * every other line must compile.
 */
import {
  type AccountHandlerContext,
  type AnyContext,
  DeliveryError,
  defineBot,
  type EventKind,
  InterruptedCall,
  type MessageHandlerContext,
  PermanentError,
} from 'wahook';

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

interface Shop {
  cart: string[];
}

/** Says that a value is a number in the way of zod, and that it is a text in the way of the Standard Schema. */
declare const numbers: { safeParse(value: unknown): { success: true; data: { n: number } } | { success: false } };
declare const texts: {
  readonly '~standard': {
    readonly version: 1;
    readonly validate: (value: unknown) => { value: { s: string } } | { issues: readonly { message: string }[] };
  };
};

defineBot((bot) => {
  bot.on(['message.image', 'message.video'], (ctx) => {
    same<typeof ctx.message.type, 'image' | 'video'>(true);
    same<typeof ctx.message.caption, string | undefined>(true);
    // @ts-expect-error neither is a text
    ctx.message.text;
  });
  bot.on(['message.text', 'status.failed'], (ctx) => {
    if (ctx.kind === 'message') same<typeof ctx.text, string>(true);
    else same<typeof ctx.status.status, 'failed'>(true);
    // @ts-expect-error a status has no reply
    ctx.reply;
  });
  bot.on('status.*', (ctx) => same<typeof ctx.status.messageId, string>(true));
  bot.on('message.*', (ctx) => same<typeof ctx.text, string | undefined>(true));
  bot.on('message.interactive.*', (ctx) => same<typeof ctx.message.type, 'interactive'>(true));
  bot.on('account.*', (ctx) => same<typeof ctx.account.field, string>(true));
  bot.on(
    (event) => event.kind === 'message' && event.type === 'image',
    (ctx) => same<typeof ctx.message.type, 'image'>(true),
  );
  bot.on(
    (event) => event.kind.length > 0,
    (ctx) => {
      if (ctx.kind === 'account') same<typeof ctx.account.field, string>(true);
      // @ts-expect-error not every event is a message
      ctx.message;
    },
  );
  // @ts-expect-error a typo in one of the kinds
  bot.on(['message.text', 'message.imgae'], () => {});
  const kindOf = (event: { readonly kind: string }) => event.kind;
  // @ts-expect-error a function that picks events says yes or no
  bot.on(kindOf, () => {});

  bot.onList(/^product:(\d+)$/, (ctx) => {
    same<typeof ctx.match, RegExpExecArray>(true);
    same<typeof ctx.message.reply.kind, 'list_reply'>(true);
  });
  bot.onFlow(numbers, (ctx) => {
    same<typeof ctx.data.n, number>(true);
    same<typeof ctx.message.reply.kind, 'nfm_reply'>(true);
    // @ts-expect-error the schema has no such field
    ctx.data.s;
  });
  bot.onFlow(texts, (ctx) => same<typeof ctx.data.s, string>(true));
  // @ts-expect-error this is no schema
  bot.onFlow({ parse: () => 1 }, () => {});
  bot.onLocation((ctx) => same<typeof ctx.message.latitude, number>(true));
  bot.onImage((ctx) => same<typeof ctx.message.media.id, string>(true));
  bot.onMedia((ctx) => same<typeof ctx.message.media.id, string>(true));
  bot.onAnswer('name', (ctx) => same<typeof ctx.text, string | undefined>(true));

  bot.use(async (ctx, next) => {
    same<typeof ctx.kind, 'message' | 'status' | 'account'>(true);
    if (ctx.kind === 'message') await ctx.reply.text('hi');
    await next();
  });
  bot.onError((error, ctx) => {
    same<typeof error, unknown>(true);
    ctx.log.error('failed', { attempt: ctx.attempt });
    if (error instanceof PermanentError) return 'dead letter';
    return ctx.attempt > 2 ? 'drop' : undefined;
  });
  bot.onError(async (error) => (error instanceof TypeError ? 'drop' : 'retry'));
  bot.onError(async (_error, ctx) => {
    if (ctx.kind === 'message') await ctx.reply.text('sorry');
    return 'drop';
  });
  bot.onError(() => undefined);
  // @ts-expect-error there is no such end
  bot.onError((_error) => 'ignore');

  bot.on('message', async (ctx) => {
    same<typeof ctx.messages, readonly MessageHandlerContext['message'][]>(true);
    same<typeof ctx.window.closesAt, Date>(true);
    const latest = await ctx.window.latest();
    same<typeof latest.open, boolean>(true);
    same<typeof ctx.number.phoneNumberId, string>(true);
    const order = await ctx.once('order', async () => ({ id: 7 }));
    same<typeof order, { id: number }>(true);
    const sent = await ctx.reply.text('hi');
    same<typeof sent.sendId, string>(true);
    const reached = await sent.delivered({ timeoutMs: 1_000 }).catch((error: unknown) => error);
    if (reached instanceof DeliveryError) same<typeof reached.reason, 'failed' | 'not_sent' | 'timeout'>(true);
    if (reached instanceof InterruptedCall) same<typeof reached.message, string>(true);
    ctx.defer('60s');
    ctx.defer(60_000);
    // @ts-expect-error no unit of time
    ctx.defer('60 parsecs');
    // @ts-expect-error a question has a name
    void ctx.ask(7, 'What?');
    // @ts-expect-error what to do if interrupted is one of two words
    void ctx.once('a', () => 1, { ifInterrupted: 'ignore' });
  });
});

defineBot<Shop>((bot) => {
  bot.on('message', async (ctx) => {
    const shop = await ctx.session.get();
    same<typeof shop, Shop | undefined>(true);
    ctx.session.set({ cart: [] });
    // @ts-expect-error the state of this bot has a cart
    ctx.session.set({ basket: [] });
    // @ts-expect-error it is forgotten by clear
    ctx.session.set(undefined);
  });
  bot.on('status', (ctx) => {
    // @ts-expect-error a status belongs to no conversation
    ctx.session;
  });
});

defineBot({ session: { initial: () => ({ cart: [] as string[] }) } }, (bot) => {
  bot.onText('hi', async (ctx) => (await ctx.session.get()).cart.push(ctx.text));
  bot.use((ctx: AnyContext<Shop>) => ctx.kind);
  bot.onUnhandled(async (ctx) => {
    // @ts-expect-error the cart holds texts
    (await ctx.session.get()).cart.push(7);
  });
});

defineBot({ turn: 'burst', quietMs: 500 }, (bot) => bot.on('message', (ctx) => ctx.messages.length));
// @ts-expect-error a turn is a message or a burst
defineBot({ turn: 'bursts' }, () => {});
// @ts-expect-error a typo in an option
defineBot({ turn: 'burst', quitMs: 500 }, () => {});
