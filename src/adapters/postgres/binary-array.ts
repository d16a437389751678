import { BytesArray, TextArray } from './database.ts';

/** Object ids of the types in every PostgreSQL (src/include/catalog/pg_type.dat). */
const TEXT_OID = 25;
const BYTEA_OID = 17;

/** Number of dimensions, whether there are nulls, type of the elements, length, index of the first. */
const HEAD_BYTES = 20;
const LENGTH_BYTES = 4;

/** A value as the driver sends it: buffers go in binary form, which the server reads by the type of the parameter. */
export function onTheWire(value: unknown): unknown {
  if (value instanceof TextArray) return textArray(value.items);
  if (value instanceof BytesArray) return bytesArray(value.items);
  return value;
}

/** What `array_recv` of PostgreSQL reads. */
function textArray(items: readonly string[]): Buffer {
  const lengths = items.map((item) => Buffer.byteLength(item));
  const { array, firstAt } = emptyArray(TEXT_OID, lengths);
  let at = firstAt;
  for (const [index, item] of items.entries()) {
    at = array.writeInt32BE(lengths[index] as number, at);
    at += array.write(item, at);
  }
  return array;
}

function bytesArray(items: readonly Uint8Array[]): Buffer {
  const { array, firstAt } = emptyArray(
    BYTEA_OID,
    items.map(({ length }) => length),
  );
  let at = firstAt;
  for (const item of items) {
    at = array.writeInt32BE(item.length, at);
    array.set(item, at);
    at += item.length;
  }
  return array;
}

/** An array with room for elements of these lengths. One without elements has no dimension. */
function emptyArray(elementOid: number, lengths: readonly number[]): { array: Buffer; firstAt: number } {
  const bytes = lengths.reduce((sum, length) => sum + LENGTH_BYTES + length, 0);
  const isEmpty = lengths.length === 0;
  const array = Buffer.allocUnsafe(isEmpty ? 12 : HEAD_BYTES + bytes);
  array.writeInt32BE(isEmpty ? 0 : 1, 0);
  array.writeInt32BE(0, 4);
  array.writeInt32BE(elementOid, 8);
  if (isEmpty) return { array, firstAt: 12 };
  array.writeInt32BE(lengths.length, 12);
  array.writeInt32BE(1, 16);
  return { array, firstAt: HEAD_BYTES };
}
