import type { Header, MediaSource, Place, ProductSection } from '../../core/outbound-content.ts';

export function file({ id, link }: MediaSource): object {
  return id === undefined ? { link } : { id };
}

/** 7 digits after the point are a centimetre. As text, like in Meta's examples and its OpenAPI file. */
export function place({ latitude, longitude, name, address }: Place): object {
  return { latitude: degrees(latitude), longitude: degrees(longitude), name, address };
}

function degrees(value: number): string {
  return value.toFixed(7);
}

/** The one key of a header with a file, and what stands under it: `image`, `{ link: … }`. */
export function fileOf(header: Exclude<Header, string>): readonly [kind: string, object] {
  if ('image' in header) return ['image', file(header.image)];
  if ('video' in header) return ['video', file(header.video)];
  return ['document', { ...file(header.document), filename: header.document.filename }];
}

export function productSections(sections: readonly ProductSection[]): object {
  return sections.map(({ title, products }) => ({
    title,
    product_items: products.map((id) => ({ product_retailer_id: id })),
  }));
}
