export interface Store {
  readonly name: string;
  readonly latitude: number;
  readonly longitude: number;
}

const STORES: readonly Store[] = [
  { name: 'Lisbon, Rua Augusta 24', latitude: 38.7106, longitude: -9.1371 },
  { name: 'Porto, Rua das Flores 8', latitude: 41.1425, longitude: -8.6142 },
  { name: 'Faro, Rua de Santo António 3', latitude: 37.0146, longitude: -7.9341 },
];

const EARTH_KM = 6_371;

/** The store next to a place, and how far it is as the crow flies. */
export function nearestStore(latitude: number, longitude: number): { readonly store: Store; readonly km: number } {
  const [first, ...others] = STORES.map((store) => ({ store, km: distanceKm(store, { latitude, longitude }) }));
  if (first === undefined) throw new Error('there is no store at all');
  return others.reduce((nearest, other) => (other.km < nearest.km ? other : nearest), first);
}

type Place = Pick<Store, 'latitude' | 'longitude'>;

/** By the haversine formula. */
function distanceKm(one: Place, other: Place): number {
  const radians = (degrees: number) => (degrees * Math.PI) / 180;
  const [from, to] = [radians(one.latitude), radians(other.latitude)];
  const half = (angle: number) => Math.sin(angle / 2) ** 2;
  const chord = half(to - from) + Math.cos(from) * Math.cos(to) * half(radians(other.longitude - one.longitude));
  return 2 * EARTH_KM * Math.asin(Math.sqrt(chord));
}
