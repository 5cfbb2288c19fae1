//! Narratives: the `<div>` of XHTML that stands in JSON as a string and in XML as elements, carried over character by character.
//!
//! The text of a narrative is XML source in both formats, so white space, references and comments are copied as they stand.
//! Only what depends on the document around it is told anew: prefixes are dropped and the namespace is declared on the `<div>`.
//!
//! Source: <https://hl7.org/fhir/R4/narrative.html>, <https://hl7.org/fhir/R4/xml.html#xhtml>, entity names of HTML 4.01, section 24.

use std::borrow::Cow;

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, NamespaceResolver, ResolveResult};
use quick_xml::reader::NsReader;

use super::{XHTML, syntax};

/// Most attributes of one tag: checking them for duplicates takes quadratic time.
pub(super) const MOST_ATTRIBUTES: usize = 64;

/// A narrative being copied.
#[derive(Default)]
pub(super) struct Narrative {
    out: String,
    open: usize,
    /// Whether elements without a namespace are meant to be XHTML, as in JSON that forgot to declare it.
    bare: bool,
}

impl Narrative {
    /// Takes the next event, whose source text is `raw`; the first one is the start of the `<div>`. True when the `<div>` is closed.
    ///
    /// The error says what is wrong.
    pub(super) fn take(&mut self, event: &Event<'_>, raw: &str, namespaces: &NamespaceResolver) -> Result<bool, String> {
        match event {
            Event::Start(tag) => {
                self.tag(tag, raw, namespaces, false)?;
                self.open += 1;
            }
            Event::Empty(tag) => self.tag(tag, raw, namespaces, true)?,
            Event::End(end) => {
                self.open = self.open.saturating_sub(1);
                if end.name().prefix().is_some() {
                    self.out.extend(["</", end.local_name().into_inner(), ">"]);
                } else {
                    self.out.push_str(raw);
                }
            }
            Event::Text(_) if raw.contains("]]>") => return Err("\"]]>\" must be written ]]&gt;".to_owned()),
            Event::GeneralRef(name) if syntax::reference(name).is_none() => return Err(syntax::unknown_reference(name)),
            Event::Text(_) | Event::CData(_) | Event::Comment(_) | Event::GeneralRef(_) => self.out.push_str(raw),
            Event::PI(_) | Event::Decl(_) => return Err("a narrative must not hold processing instructions".to_owned()),
            Event::DocType(_) => return Err("a document type (DOCTYPE) is never accepted".to_owned()),
            Event::Eof => return Err("the narrative ends before all its tags are closed".to_owned()),
        }
        Ok(self.open == 0)
    }

    /// The depth at which the next element would stand below the `<div>`.
    pub(super) fn depth(&self) -> usize {
        self.open
    }

    /// The text.
    pub(super) fn finish(self) -> String {
        self.out
    }

    fn tag(&mut self, tag: &BytesStart<'_>, raw: &str, namespaces: &NamespaceResolver, empty: bool) -> Result<(), String> {
        let (namespace, local) = namespaces.resolve_element(tag.name());
        let local = local.into_inner();
        let bare = self.bare && namespace == ResolveResult::Unbound;
        if !bare && namespace != ResolveResult::Bound(Namespace(XHTML)) {
            return Err(format!("<{}> is not in the namespace {XHTML}, as everything in a narrative must be", told(local)));
        }
        if !local.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(format!("<{}> is not an element of XHTML", told(local)));
        }
        let mut declared = false;
        for (i, attribute) in tag.attributes().enumerate() {
            let attribute = attribute.map_err(|fault| format!("an attribute of <{}> is broken: {fault}", told(local)))?;
            let (name, prefix) = attribute.key.decompose();
            match (prefix.map(|prefix| prefix.into_inner()), name.into_inner()) {
                (None, "xmlns") if &*attribute.value == XHTML => declared = true,
                (None, "xmlns") => return Err(format!("<{}> leaves the namespace {XHTML}", told(local))),
                (Some("xmlns"), _) => {}
                (None | Some("xml"), name) if name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) => {}
                (_, _) => return Err(format!("<{}> has the attribute \"{}\"", told(local), told(attribute.key.into_inner()))),
            }
            syntax::value(&attribute.value).map_err(|bad| bad.sentence())?;
            if i >= MOST_ATTRIBUTES {
                return Err(format!("<{}> has more than {MOST_ATTRIBUTES} attributes", told(local)));
            }
        }
        let missing = self.open == 0 && !declared;
        if missing || tag.name().prefix().is_some() {
            self.out.extend(["<", local]);
            if missing {
                syntax::push_attribute("xmlns", XHTML, &mut self.out);
            }
            self.out.extend([tag.attributes_raw(), if empty { "/>" } else { ">" }]);
        } else {
            self.out.push_str(raw);
        }
        Ok(())
    }
}

/// The `<div>` of a JSON string, fit to stand in XML.
///
/// The error says why it is not well-formed.
pub(super) fn fit(div: &str) -> Result<String, String> {
    let div = numbered(div.trim());
    if !div.starts_with('<') {
        return Err("it must be one <div>".to_owned());
    }
    if let Some(at) = syntax::illegal(&div) {
        return Err(format!("the character at byte {at} must not stand in XML"));
    }
    let mut reader = NsReader::from_str(&div);
    reader.config_mut().check_comments = true;
    let mut narrative = Some(Narrative { bare: true, ..Narrative::default() });
    let mut finished = String::new();
    let mut before = 0;
    loop {
        let event = reader.read_event().map_err(|fault| fault.to_string())?;
        let after = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let raw = div.get(before..after).unwrap_or("");
        let first = before == 0;
        before = after;
        match (&event, narrative.as_mut()) {
            (Event::Eof, None) => return Ok(finished),
            (_, None) => return Err("there is more after the end of the <div>".to_owned()),
            (Event::Start(tag) | Event::Empty(tag), Some(_)) if first && tag.local_name().into_inner() != "div" => {
                return Err("it must be one <div>".to_owned());
            }
            (_, Some(open)) => {
                if open.take(&event, raw, reader.resolver())? {
                    finished = narrative.take().map(Narrative::finish).unwrap_or_default();
                }
            }
        }
    }
}

fn told(name: &str) -> String {
    name.chars().take(40).collect()
}

/// References by the names of HTML as references by number: JSON may come from a browser's page, and XML knows only five names.
fn numbered(text: &str) -> Cow<'_, str> {
    if !text.contains('&') || text.contains("<![CDATA[") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut parts = text.split('&');
    out.push_str(parts.next().unwrap_or(""));
    for part in parts {
        out.push('&');
        let number = part.split_once(';').and_then(|(name, rest)| Some((number_of(name)?, rest)));
        match number {
            Some((number, rest)) => out.extend(["#", number, ";", rest]),
            None => out.push_str(part),
        }
    }
    Cow::Owned(out)
}

fn number_of(name: &str) -> Option<&'static str> {
    // The common case first: these are millions in a large Bundle.
    if name.len() > 8 || syntax::reference(name).is_some() {
        return None;
    }
    HTML.split(", ").filter_map(|entry| entry.split_once(' ')).find(|(known, _)| *known == name).map(|(_, number)| number)
}

/// The entities of HTML 4.01 that XML does not have, with their numbers.
const HTML: &str = "\
    nbsp 160, iexcl 161, cent 162, pound 163, curren 164, yen 165, brvbar 166, sect 167, uml 168, copy 169, ordf 170, laquo 171, \
    not 172, shy 173, reg 174, macr 175, deg 176, plusmn 177, sup2 178, sup3 179, acute 180, micro 181, para 182, middot 183, \
    cedil 184, sup1 185, ordm 186, raquo 187, frac14 188, frac12 189, frac34 190, iquest 191, Agrave 192, Aacute 193, Acirc 194, \
    Atilde 195, Auml 196, Aring 197, AElig 198, Ccedil 199, Egrave 200, Eacute 201, Ecirc 202, Euml 203, Igrave 204, Iacute 205, \
    Icirc 206, Iuml 207, ETH 208, Ntilde 209, Ograve 210, Oacute 211, Ocirc 212, Otilde 213, Ouml 214, times 215, Oslash 216, \
    Ugrave 217, Uacute 218, Ucirc 219, Uuml 220, Yacute 221, THORN 222, szlig 223, agrave 224, aacute 225, acirc 226, atilde 227, \
    auml 228, aring 229, aelig 230, ccedil 231, egrave 232, eacute 233, ecirc 234, euml 235, igrave 236, iacute 237, icirc 238, \
    iuml 239, eth 240, ntilde 241, ograve 242, oacute 243, ocirc 244, otilde 245, ouml 246, divide 247, oslash 248, ugrave 249, \
    uacute 250, ucirc 251, uuml 252, yacute 253, thorn 254, yuml 255, OElig 338, oelig 339, Scaron 352, scaron 353, Yuml 376, \
    fnof 402, circ 710, tilde 732, Alpha 913, Beta 914, Gamma 915, Delta 916, Epsilon 917, Zeta 918, Eta 919, Theta 920, Iota 921, \
    Kappa 922, Lambda 923, Mu 924, Nu 925, Xi 926, Omicron 927, Pi 928, Rho 929, Sigma 931, Tau 932, Upsilon 933, Phi 934, Chi 935, \
    Psi 936, Omega 937, alpha 945, beta 946, gamma 947, delta 948, epsilon 949, zeta 950, eta 951, theta 952, iota 953, kappa 954, \
    lambda 955, mu 956, nu 957, xi 958, omicron 959, pi 960, rho 961, sigmaf 962, sigma 963, tau 964, upsilon 965, phi 966, chi 967, \
    psi 968, omega 969, thetasym 977, upsih 978, piv 982, ensp 8194, emsp 8195, thinsp 8201, zwnj 8204, zwj 8205, lrm 8206, rlm 8207, \
    ndash 8211, mdash 8212, lsquo 8216, rsquo 8217, sbquo 8218, ldquo 8220, rdquo 8221, bdquo 8222, dagger 8224, Dagger 8225, \
    bull 8226, hellip 8230, permil 8240, prime 8242, Prime 8243, lsaquo 8249, rsaquo 8250, oline 8254, frasl 8260, euro 8364, \
    image 8465, weierp 8472, real 8476, trade 8482, alefsym 8501, larr 8592, uarr 8593, rarr 8594, darr 8595, harr 8596, crarr 8629, \
    lArr 8656, uArr 8657, rArr 8658, dArr 8659, hArr 8660, forall 8704, part 8706, exist 8707, empty 8709, nabla 8711, isin 8712, \
    notin 8713, ni 8715, prod 8719, sum 8721, minus 8722, lowast 8727, radic 8730, prop 8733, infin 8734, ang 8736, and 8743, \
    or 8744, cap 8745, cup 8746, int 8747, there4 8756, sim 8764, cong 8773, asymp 8776, ne 8800, equiv 8801, le 8804, ge 8805, \
    sub 8834, sup 8835, nsub 8836, sube 8838, supe 8839, oplus 8853, otimes 8855, perp 8869, sdot 8901, lceil 8968, rceil 8969, \
    lfloor 8970, rfloor 8971, lang 9001, rang 9002, loz 9674, spades 9824, clubs 9827, hearts 9829, diams 9830";
