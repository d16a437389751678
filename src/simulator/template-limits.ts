import {
  type Check,
  countProblem,
  firstProblem,
  inTurn,
  lengthProblem,
  location,
  media,
  objectOf,
  parameterProblem,
  rangeProblem,
} from './content-checks.ts';
import { type GraphProblem, graphProblem, invalidParameter } from './graph-problem.ts';
import { isObject, type JsonObject } from './json.ts';

type Problem = GraphProblem | undefined;

/** Whether the parameters are those of the template only Meta sees, which knows the template. */
export const template: Check = ({ name, language, components }) =>
  inTurn(
    () => parameterProblem("template['name']", name, 512),
    () => parameterProblem("template['language']['code']", objectOf(language)['code'], 16),
    () =>
      components === undefined || Array.isArray(components)
        ? undefined
        : invalidParameter("Param template['components'] must be an array."),
    () => firstProblem(components, (component, index) => componentProblem(component, `['components'][${index}]`)),
  );

const COMPONENTS = ['header', 'body', 'button', 'limited_time_offer', 'carousel'];

const SUB_TYPES = ['quick_reply', 'url', 'copy_code', 'catalog', 'mpm', 'flow', 'order_details', 'voice_call', 'spm'];

function componentProblem(component: unknown, where: string): Problem {
  const path = `template${where}`;
  if (!isObject(component)) return invalidParameter(`Param ${path} must be a JSON object.`);
  const type = String(component['type']).toLowerCase();
  if (!COMPONENTS.includes(type))
    return invalidParameter(
      `Param ${path}['type'] must be one of {${COMPONENTS.join(', ').toUpperCase()}} - got "${component['type']}".`,
    );
  if (type === 'carousel') return cardsProblem(component['cards'], where);
  return (type === 'button' ? buttonProblem(component) : undefined) ?? parametersProblem(component, type, path);
}

function buttonProblem({ sub_type: subType, index }: JsonObject): Problem {
  if (subType === undefined || index === undefined)
    return graphProblem(131008, 'Button component needs sub_type and index');
  if (!SUB_TYPES.includes(String(subType).toLowerCase()))
    return graphProblem(131009, `Button sub_type ${subType} is not valid`);
  return /^\d$/.test(String(index)) ? undefined : graphProblem(131009, 'Button index must be 0 to 9');
}

function parametersProblem({ parameters }: JsonObject, type: string, path: string): Problem {
  if (parameters === undefined) return undefined;
  if (!Array.isArray(parameters)) return invalidParameter(`Param ${path}['parameters'] must be an array.`);
  const names = parameters.map((parameter) => objectOf(parameter)['parameter_name']);
  if (names.some((name) => name !== undefined) && names.some((name) => name === undefined))
    return invalidParameter(`Param ${path}['parameters'] must be all named or all positional.`);
  return firstProblem(parameters, (parameter) =>
    isObject(parameter) && typeof parameter['type'] === 'string'
      ? parameterOf(parameter, type)
      : graphProblem(131008, `Parameter of ${path} needs a type`),
  );
}

type ParameterCheck = (value: unknown) => Problem;

const file: ParameterCheck = (value) =>
  isObject(value) ? media(value) : graphProblem(131008, 'Parameter file is missing');

const text: ParameterCheck = (value) =>
  typeof value === 'string' && value !== ''
    ? undefined
    : graphProblem(131008, 'Parameter of type text is missing text value');

const anObject: ParameterCheck = (value) =>
  isObject(value) ? undefined : graphProblem(131008, 'Parameter is missing');

const TEXTS: { readonly [type: string]: ParameterCheck } = {
  text,
  currency: (value) =>
    inTurn(
      () => lengthProblem('Currency code', objectOf(value)['code'], 3, 3),
      () => lengthProblem('Currency fallback_value', objectOf(value)['fallback_value'], 1_000),
      () => rangeProblem('Currency amount_1000', objectOf(value)['amount_1000'], -1e15, 1e15),
    ),
  date_time: (value) => lengthProblem('Date fallback_value', objectOf(value)['fallback_value'], 1_000),
};

/** What a parameter may be, by the component that it is in; the value stands under its type. */
const PARAMETERS: { readonly [component: string]: { readonly [type: string]: ParameterCheck } } = {
  header: {
    ...TEXTS,
    image: file,
    video: file,
    document: file,
    location: (value) => (isObject(value) ? location(value) : graphProblem(131008, 'Location is missing')),
    product: (value) => lengthProblem('Product retailer id', objectOf(value)['product_retailer_id'], 1_000),
  },
  body: TEXTS,
  button: {
    text,
    payload: text,
    coupon_code: (value) => lengthProblem('Coupon code', value, 20),
    action: anObject,
    ttl_minutes: (value) => rangeProblem('ttl_minutes', value, 1, 43_200),
  },
  limited_time_offer: {
    limited_time_offer: (value) =>
      rangeProblem('expiration_time_ms', objectOf(value)['expiration_time_ms'], 1, Number.MAX_SAFE_INTEGER),
  },
};

function parameterOf(parameter: JsonObject, component: string): Problem {
  const type = String(parameter['type']);
  const known = PARAMETERS[component] ?? {};
  const check = Object.hasOwn(known, type) ? known[type] : undefined;
  return check === undefined
    ? graphProblem(131009, `Parameter type ${type} is not valid in a ${component}`)
    : check(parameter[type]);
}

function cardsProblem(cards: unknown, where: string): Problem {
  return inTurn(
    () => countProblem('cards', cards, 1, 10),
    () =>
      firstProblem(cards, (card, index) => {
        const { components, card_index: place } = objectOf(card);
        if (place !== index) return graphProblem(131009, `card_index must be ${index}`);
        if (!Array.isArray(components)) return graphProblem(131008, 'Card components are missing');
        return firstProblem(components, (component, at) =>
          componentProblem(component, `${where}['cards'][${index}]['components'][${at}]`),
        );
      }),
  );
}
