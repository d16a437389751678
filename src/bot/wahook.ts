/**
 * What `import … from 'wahook'` gives to the author of a bot, and no more.
 */

// biome-ignore lint/performance/noBarrelFile: the one public face of the package
export { PermanentError } from '../core/errors.ts';
export type { Fallback } from '../core/outbound-content.ts';
export type { Bot } from './bot.ts';
export type { BotBuilder, ErrorHandler, ErrorVerdict, Handler, Middleware } from './bot-builder.ts';
export type {
  AccountHandlerContext,
  AnyContext,
  AskOptions,
  MessageHandlerContext,
  MessageWindow,
  ServiceWindow,
  StatusHandlerContext,
} from './bot-context.ts';
export type { Session } from './conversation.ts';
export type { BotOptions, SessionOptions } from './define-bot.ts';
export { defineBot } from './define-bot.ts';
export type { Duration } from './duration.ts';
export type { AccountKind, EventKind, EventOf, MessageKind, StatusKind } from './event-names.ts';
export type { FlowSchema } from './flow-schema.ts';
export type { MediaInput, Messages } from './messages.ts';
export type { OnceOptions } from './once-calls.ts';
export { InterruptedCall } from './once-calls.ts';
export type { ReceivedMedia, SavedMedia } from './received-media.ts';
export type { Reply, ReplyOptions, Send } from './reply.ts';
export type { DeliveredOptions, SentReply } from './sent-reply.ts';
export { DeliveryError } from './sent-reply.ts';
export type { MediaFile } from './upload-media.ts';
