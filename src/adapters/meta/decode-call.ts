import { z } from 'zod';
import type { AccountEvent, Json } from '../../core/model.ts';
import type { ChangeItem } from './change-items.ts';
import { customerFrom } from './people.ts';
import { msOf } from './wire-time.ts';

const text = z.string().optional().catch(undefined);

const callSchema = z.looseObject({
  event: z.literal('connect'),
  direction: z.literal('USER_INITIATED'),
  from: text,
  from_user_id: text,
  timestamp: z.unknown(),
});

/** The call that a customer begins in this item of the field `calls`, which opens the service window; undefined for all else. */
export function decodeCall(field: string, item: ChangeItem | undefined): AccountEvent['call'] {
  if (field !== 'calls' || item?.list !== 'calls') return undefined;
  const { data } = callSchema.safeParse(item.wire);
  const openedAtMs = data && msOf(data.timestamp as Json);
  if (data === undefined || openedAtMs === undefined || !(data.from || data.from_user_id)) return undefined;
  return { customer: customerFrom({ waId: data.from, userId: data.from_user_id }, undefined), openedAtMs };
}
