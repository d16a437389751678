/**
 * What `import … from 'wahook'` gives to the author of a bot, and no more.
 */

export type {
  AccountHandlerContext,
  MessageHandlerContext,
  StatusHandlerContext,
} from './bot-context.ts';
export type { Bot, BotBuilder, Handler } from './define-bot.ts';
// biome-ignore lint/performance/noBarrelFile: the one public face of the package
export { defineBot } from './define-bot.ts';
export type { AccountKind, EventKind, EventOf, MessageKind, StatusKind } from './event-names.ts';
export type { MediaInput, Messages } from './messages.ts';
export type { Reply, ReplyOptions, Send } from './reply.ts';
