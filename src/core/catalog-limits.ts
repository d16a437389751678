import { checkFrame, checkSections } from './interactive-limits.ts';
import {
  type ContentChecks,
  checkCount,
  checkFilled,
  checkLength,
  checkUnique,
  type Limit,
  refuse,
} from './limit-checks.ts';
import type { Product, ProductSection } from './outbound-content.ts';

/** Sources: Meta's pages on catalogs and on product carousels, read in copies of 2025-12 to 2026-03. */
const LIMITS = {
  /** A product shows its own text; this one is optional. */
  productText: { min: 0, max: 1024 },
  listHeader: { min: 1, max: 60 },
  footer: { min: 0, max: 60 },
  productsOfAll: { min: 1, max: 30 },
  cards: { min: 2, max: 10 },
} as const satisfies Record<string, Limit>;

export const CATALOG_CHECKS: ContentChecks<'product' | 'productList' | 'catalog' | 'productCarousel'> = {
  product: (content) => {
    checkProduct('a product', content);
    checkLength('the text above a product', content.text, LIMITS.productText);
    checkLength('the footer below a product', content.footer, LIMITS.footer);
  },
  productList: (content) => {
    checkFrame('a product list', content);
    if (typeof content.header === 'object') refuse('the header above a product list must be a text');
    checkLength('the header above a product list', content.header, LIMITS.listHeader);
    checkFilled('the catalogId of a product list', content.catalogId);
    checkProductSections(content.sections);
  },
  catalog: (content) => {
    checkFrame('a catalog', content);
    if (content.thumbnail !== undefined) checkFilled('the thumbnail of a catalog', content.thumbnail);
  },
  productCarousel: (content) => {
    checkFrame('a product carousel', content);
    checkFilled('the catalogId of a product carousel', content.catalogId);
    checkCount('the products', content.products, LIMITS.cards);
    content.products.forEach(checkProductId);
    checkUnique('the products', content.products);
  },
};

/** `what` with its article, e.g. `a product`. */
export function checkProduct(what: string, { catalogId, productId }: Product): void {
  checkFilled(`the catalogId of ${what}`, catalogId);
  checkFilled(`the productId of ${what}`, productId);
}

export function checkProductSections(sections: readonly ProductSection[]): void {
  checkSections(sections);
  for (const [index, { products }] of sections.entries())
    checkCount(`the products of section ${index + 1}`, products, LIMITS.productsOfAll);
  const products = sections.flatMap((section) => section.products);
  checkCount('the products of all sections together', products, LIMITS.productsOfAll);
  products.forEach(checkProductId);
}

function checkProductId(id: string, index: number): void {
  checkFilled(`the id of product ${index + 1}`, id);
}
