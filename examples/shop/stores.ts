import type { BotBuilder } from 'wahook';
import type { Session } from './session.ts';

interface Store {
  readonly name: string;
  readonly address: string;
  readonly latitude: number;
  readonly longitude: number;
}

const STORES: readonly Store[] = [
  { name: 'Lisbon', address: 'Rua Augusta 24', latitude: 38.7106, longitude: -9.1371 },
  { name: 'Porto', address: 'Rua das Flores 8', latitude: 41.1425, longitude: -8.6142 },
  { name: 'Faro', address: 'Rua de Santo António 3', latitude: 37.0146, longitude: -7.9341 },
];

const EARTH_KM = 6_371;

/** Asks where the customer is, and shows the nearest store on the map. */
export function stores(bot: BotBuilder<Session>): void {
  bot.onText(/\bstores?\b/i, (ctx) => ctx.reply.locationRequest('Where are you?'));

  bot.onLocation(async (ctx) => {
    const { store, km } = nearestStore(ctx.message);
    await ctx.reply.location(store);
    await ctx.reply.text(`Your nearest store is ${store.name}, ${store.address}: ${Math.round(km)} km away.`);
  });
}

type Place = Pick<Store, 'latitude' | 'longitude'>;

/** The store next to a place, and how far it is as the crow flies. */
function nearestStore(place: Place): { readonly store: Store; readonly km: number } {
  const [first, ...others] = STORES.map((store) => ({ store, km: distanceKm(store, place) }));
  if (first === undefined) throw new Error('there is no store at all');
  return others.reduce((nearest, other) => (other.km < nearest.km ? other : nearest), first);
}

/** By the haversine formula. */
function distanceKm(one: Place, other: Place): number {
  const radians = (degrees: number) => (degrees * Math.PI) / 180;
  const [from, to] = [radians(one.latitude), radians(other.latitude)];
  const half = (angle: number) => Math.sin(angle / 2) ** 2;
  const chord = half(to - from) + Math.cos(from) * Math.cos(to) * half(radians(other.longitude - one.longitude));
  return 2 * EARTH_KM * Math.asin(Math.sqrt(chord));
}
