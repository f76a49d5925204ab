"""Words that are both: a name of somebody and a word of everyday or clinical English.

``Will``, ``May`` and ``Rose`` MUST NOT be found wherever they stand, and must be found where the form shows a name.
Made once from two public-domain lists: the names of the 1990 US census, cut with the words of Debian's ``wamerican``;
what clinicians write in lower case is `ORDINARY`, the rest is `SELDOM`. Words that are names in practice are in
neither.
"""

ORDINARY = frozenset(
    """
    able ace ache age agent aid aide alert all allergies alpha alt amber an angel anger angle angry april arch
    area areas argue arm arms army art asian ask ast august aura autumn bachelor back bad bald balding ball
    balloon balls band bank bar barn base basil basket battle bay be beach beans bear beat been beer beers began
    begin begun bell bells below bend bending bent best better bible big bigger bill bills binder bishop bitter
    black blade blanch blind block blood blue blunt board body bolus bone bones book boot border born boss both
    bottom bowels bowling box boxer boys brace brain brand breath breech brick bridge bright bring brisk brittle
    broad broccoli brothers brought brown brush bud buddy bull bump bumps bunch burden burn burr but butt button
    bye cable call camera camp campus can canal cancel cancer candy cane car carbon card care carry case cash cast
    catching catholic cave cease center centers certain chain chamber chance chase check chew chief child chin
    choice christian church city civil class clear click cliff clock close cluster co coach coast coffee coke
    colder college colon colony come comes comfort common comp companion cone constant cook cool cord core corn
    cornea corner corpus cost cotton couch cough counter counts course cousin cousins cover cramp cross cruise
    crystal cuff curb cure current curt dad daily daisy dark dates daughters dawn day days deal dear december
    decent deep deer degree denies desire destiny dies do doctor doing dominican don donate done doom door dose
    dot double down dragon drain dress drew driver drop dry due duke dull during dusky duty ear earl early east
    edge else end english even every exam eye face factor fail failing fails fair fairly faith fall fallen falling
    falls fan farm farmer fast faster fat faux favor favorite fear fears february feeling fell felt female few
    field fields file fill fine finger fire first fish fitting fix flank flatter flight flint floor flow flower
    flowers fly folds foley foot force forest forget form forth forward fossa found fraction frame frames frank
    free french fresh friday friend friends fries from fruit fruits fuse gain gains gal gall gallop games garden
    gaunt gauze gave gear gene general gentle gentleman german getting ginger given glad glass glen go goes going
    gold golden gone good goodness gotta grace grade graft gram grand grant grass gravis gray green grew grief
    grinder grip gross ground grounds grow guard guardian guess gums gun guy guys ha hair half halo hamburger hand
    hands hard harder harm has haven hay hazy he head heading heal heard hearing heart heath height held her hey
    high hill him hispanic history hives hobby hockey holding hole home honey hope hopes horn horse house
    housekeeper how huge huh hum human hunt hunting hurt husband ice ill in inches ink iris irish iron ivy january
    jean job jobs joe joy judge july jump june junk just keep key kick kid kidney kill kind kinds king kiss kit
    kitchen knee knife knows la lab labor labs lack lady lamp lance land landing lane large larger laser last late
    later laundry law lay league leak lean learn learned led left less lesser level levels lie life light lighter
    lights like likes limb line liner lines linger lips list listen liter little living lobe locks long longest
    look loose loosen lose loss lot loud love lovely loving low lower lowers lucky lunch lung ma main major male
    males mall man manner manual many march mark market marrow mask mass mate math matter max may me meals mean
    means mechanic median medicine melena members memory men mention mercy mess messing mexican mile miles million
    min mini minor minus miracle miss mister misty mix mole moles mom moment monday mood moose more morning most
    mount much must my na nail nails nap nares narrow natal navy near necessary needle needles needs neighbor
    neighbors neither nephew never new newborn ng nice nicely nick night nine nipple no noble noon normal nose
    notch notice november number numbers nurse ocean october odor off offer officer oh ok old older olive on or
    orange organ other over overall ow oz pa pack pain painter pair pale palm palms pap para parent parents parish
    park part party pass pastor pat patch patches patella patience patient pay peak pearl pearly pee peed peek
    peeling peers pen people perfect person phlegm piano pick picker picking pickle pill pillow pimple pin pink
    pizza place plan plane plant plate player pleasant pleasure plenty plumber point pointer points pole police
    polio pollen polo pool poor pop pope port portal post postal pound pounds power press pretty price priest
    prince prior proper proud public pulley pulling pulse pump purchase purple purpura push quick quiet race rail
    railing ran range rash rather raw ray re reach read reading ready real rear reason reasons record records red
    reddish reed register republican reveal rice rich rides riding right rim ring rise rising risk rob rock
    rolling room root roots rose rosemary rough round row ruby rude rule runner running rusty safe safer sage said
    salmon salt sample samples sat saturday sauce save say scale scales scarce scarlet school score screen screws
    se season seat second section see seek seen sees self sell senior september serenity sergeant serrata serum
    service sessions setting severe shake shallow shape share sharp shave sheets shelter shepherd shin shingles
    shirts shock shoe short shorter shoulder shoulders show showers shown shows shy sick sickle side sides signs
    simple single sink sit sites situ sitz six slight small smaller smart smoke smoker snow so social socks soles
    solid son sons soon space span spanish spare speak speaks speed spell spells spike spikes spina spindle spine
    splinter sports sprain spray spring square stable stack stacks staff stage stain stairs standard standing
    stands staples starch start state states station stay steady stem stent step sternal stick stiff still stone
    stones stops store stormy story straight strain strange straw stream street strength strike strong struck
    stuck student study stump such sue sugar summer sun sunday sunny super supple surface surgeon surprise swab
    swallow sweat sweet swell swim swing ta takes talk tall taper tarry tea teach tear tell temple temples ten
    tennis terrible test than them then thrush thursday tick till tilt times tiny to tobacco toll ton tone tones
    tongue tonic too tools top torn touch town toy trace trainer treat trial trick true trunk try tuesday tuning
    turns twist um unavailable us val valley vanish ve vein verge vermillion vessel vessels vest via violet vital
    voice wait waits wake walk walker walking walks wall walls wan want ward ware warm warning wash washing wasp
    water wave way ways wear wearing wears weather wedge wednesday weed weekly weeks weight welcome well went west
    western whack while white why wide wider will willing wine winter wise wish women won wonder wood wooden woods
    word work worker works worn worst worth yard yeah yeast yellow you young younger zone
    """.split()  # noqa: SIM905 - a list of words reads better than a column of literals
)
"""Words that clinical texts are full of: a name only where the sentence shows one."""

SELDOM = frozenset(
    """
    abate abbey abbot abed abide abler acre acres adjutant admire aery agar akin alas albino alder alderman ales
    alias aline alley alliance ally almond aloe alter alto amass amble ambrosia amen amend amigo amir amour
    anchors angelic angers angles angst anon antes antis ape app apple apt aquas archangel archer arena arenas
    ares argyle arias armada armor arrant arrow arroyo arroyos artist arts ash ashing askew asp aspen asters atlas
    auger aver avers aw awe awkward ax axe axon aye azure baas babe babel backbone backer backers bacon badder
    bade badger bah bail bailiff baize bake bakes balder bale bales balk balling balm balsam ban banana bandy bane
    banes bang bangle bangs banister banker banks banner banning bannister banter baptist barb barber bard bare
    barefoot barer bares barge barges bark barks barley barman barnacle barney barns baron barrack barren barrette
    barrier barrio barrios barrow barrows bars barter barters baseman bash bass bassi basso bast batch bate bath
    bathe baton batten batter batters battiest battles batty bays beady beagle beam beams bean beard bearded
    beards bears beau beaver beavers beck becks bee beech bees beets begonia belay belch belle belles belling
    bellow bellows belt belts bench bender berg berry berth beryl betters bevel bevels beverage bias bibles bicker
    bickers bidding biddy bier bigness bile billet billing billings billow binning birch bird birdie bison bitters
    blackbird blacker blacksmith blades blamer bland blander blank blanks blare blaze blazer blazing blazon
    bleacher bleak blend blender bless blessing blew blight blinks bliss blitz blizzard blonder bloom bloomer
    blossom blotter blow blower blowers blush boards boas boast boatman bode bodily bodkin bodkins boga bogie
    bogus bold bolder bole boles boll bolls bologna bolster bolt bombard bombardier bond bonds boner boney bong
    bongo bonier boning bonito bonnet bonny bonus books boom boon boor boos booth boots booty booze boozer borders
    borer bores boring borne boron boroughs borrow bosh bossier bottoms bough bouillon bound bounds bouquet
    bourbon bourgeois bow bower bowers bowl bowler bowman bracken bracket brake brakeman bramble bran branch
    brands brandy bras brash brasher brass brave braver bravo brawn bray brazen brazier breach bread breaker breed
    breeding breeze brew brewer briar bride bridegroom bridges brier brighter brightly brilliant brim brine brink
    brinks brisker bristle broach broaden brochure brogan broker brood brook brooking broom brooms brow browner
    brownie browning browns bruin bruins brunet brunette brunt brushwood buck buckle buckler buckles bucks budge
    buff buffalo buggy bugler bullion bullock bullocks bulls bumpers bun bunk bunker bunkers bunny bunt bunting
    bunts buoy bur burdock bureau burg burger burgher burgs burka burly burner burrow burrows burrs bury busby
    bush bushman bushy busing buss bussing buster bustle butch butcher butte butter butters buttery butts buys
    buzzard byes cabal cabana cabanas cables caddy cadet cage cagey cairns cake cal calamity caldron calico calk
    caller callow cam cambia cambric camel camellia campanile camper camps canard canary candle canes canning
    cannon canny canon canter canto canton cantor cantos cap cape caper capers capes caprice captain caraway
    carbine cardinal cargo carmine carp carrel carrier carrion cart carton carver casement cashing casino cassette
    cassino caster castle castles castor catchings cater caulk cavalier caves cedar cedars celesta cellar celli
    cerise chafe chalet chalk challenger chamberlain chambers champ champagne champion chancellor chancy channel
    chant chapel char charity charm chars charter charters chary chasten chastity chatters cheater cheek cheeks
    cheers cheese cherish cherry chess chessman chestnut chi chick chiles chill chime chimera chimes china
    chinchilla chino chock chow christen chuck chum churches churchman churn chute cinnamon circle citizen citron
    clack clam clamp clan clap clapper clarity clause claw clay cleaver cleaves clement clerk clever cleverly
    client climes clinch clink clinker clipper clothier cloud clover clubs cluck clutter coachman coaster coats
    cobble cocking cocks coda codding code coffer coffin coil coin coins cola colander colas collar collie collier
    colonel colt coma comas combs comer comings commander comment commodore commons compo compos conception conch
    condo cones confer congress conquest cons console constable converse cooks cooler cools coon coons coop coots
    cope copes copier copper copping coral cordial cordon cords cork corners cornet corning corns corolla corona
    corp corporal corral cosier cote cotter council councilman countess countryman coup coupe courier courser
    court courts cove coven covert covey coward cowboy cower cowing cowling cox coy coyer cozier cradle craft
    crafts cram crane crank crape crass crate crater craven cravens craw cray crays craze crazier creamer crease
    credit credo creed creek creeks creel cress crest crew crews crick crier crimes crisp croak crochet crock
    crofts croissant crone crook crooked crooks croon cropper crosier crosser crouch crow crown crozier cruel
    crumb crumble crumbly crumby crutch cubit cue cull cumming cunning curd curie curio curl curling curls curly
    curry custard cutter cutting cypress czar dado daft dahlia dais dales dally dam dame dames dance dancer dandy
    danger danker dapper dare daring darling dart darting dash daub dauber daubs daunt dauphin deacon deans dears
    dearth deb debar decamp decant deck decree deed deeds deem deems deforest delay dell delta delude demo demos
    denier dense dent deputy derby derringer dessert destine deter deters devoid dew dewberry dial dials diamond
    dibble dibbles dice dicey dick dicker dickie dicks diddle diesel dieter dike dikes dill dills dilly dimes
    dimmer dimple din dine dines ding dings dinning dire dirk dirks diss distance ditch ditto ditty divan diver
    divers divine dock dodge doe doffing dole doles doll dollar dolphin dome dominion domino donning dooms dormer
    dory dotty doughty douse dove dowdy downer downs downy dowse doyen draft drafts drainer drake drakes drape
    dray dredge dresser drier dries drilling drivers drone drones dross drought drown drum drummer dryer dub dubs
    ducat duck ducking dudgeon duel dues duet duff duffer duh dukes dun dung dunk dunks dunning duos dupes dust
    duster dustman dusty dye dyer dyers dyke dykes eager eagle eagles earls earnest earthly easterly eastern eaves
    ebbing ebbs ebony echo economy ed eddy ego eke elder elders elk elks ell ells elm elms em emerald emery emo
    emperor endow ends ensign enter eon era escort espy ester esters estimable evangelist eve evener evens eves
    ewer ewers expose fain fairy fake falcon falconer fallow fallows falter fang fanning fanny fare farina farrow
    farthing fate favors fawn fearing feast feather feathers fedora fee feeler fees feller felling fellows fells
    felts fend fender fennel fern ferns ferries ferry fest fester fetch fetter fetters fey fickle fiddler fie
    fielder fielding fife figures filbert files filler fillers fillip filter finch finder finders finely finer
    fines fink finks fireman firth fiscal fisherman flack flair flake flakes flamenco flamer flaming flash flasher
    flatness flatten flattery flavors flax fleck fleet fleeting flick flicker flies fling flirt flock floe flood
    flora floras florin floss fluke flurry foil folio folk folks fonder font foo footman foots ford fore forehand
    foreman forester forge fort forte fortes forts fortune fought founds fountain fox foyer frack framer franc
    fray freed freedman freeman freer frees freeze freshwater fret friar fridge fried friendly frier frieze frisk
    fritter frizzle frock frost frump fry fryer fudge fuel fuelling fulling funk furbish furl furlong furlough
    furnace furnish furrow furry fury fuss gab gabby gable gables gaff gage gaiter gaiters gala galas gale gales
    gallant gallery galley gallon gals gamble gambler gambles gamer gamma gander gang garb gardener garland garnet
    garret garter gash gate gates gather gathers gaucher gaudier gaudy gavel gay gayer gearing gee genera generous
    genesis genie genre gens gent gentile gentles gentry gibbon gibes gift gilding gill gillion gills gin gins
    girt gist givens gladden glade glance glassing glaze glazier glee glimpse glory gloss glow goad gobble godson
    goings golds goldsmith golly gondola gong goo goodie goodly goodnight goods goodwill goody goon gores goring
    gory gosling gouge gouger gourd gouty govern graces grad grain grams grandchild grange grapes grate grater
    grates grave gravel gravely graven graver graves grayer grays grebe greener greenhouse greening greet grey
    gribble grieve grieves griffin griffins grill grills grim grime grimes grimmer grippe grist grit groom grooms
    grosser grout grove groves grumbles grumbling guest guild guile guise guitar gull gulley gulling gully gum
    gunner gunning guppy gurney gust gut gutter gutting hack hacker hacking hackle hackney haddock haft haggard
    hail hails hailstone hake hakes hales hall hallmark halls halon halt halter ham hamlet hammed hammer hammers
    hamming hammock hamper hams handing handler handsome handy hang hanger hank hanks harbor harden hardy hare
    haring hark harken harmony harms harness harp harps harries harrow harsh hart harts harvest hash haste hasten
    hasting hasty hatch hatchet hatter havens haw hawk hawker hawking hawks haws hawthorn haycock hazard hazel
    headings headland heads heady heap heaps heater heather heck heckle heckler hedge hedges heft hefty heir heist
    helm helms helper hem hemming hemp hence hepper herald herb herd herder heritage hero heron herring hertz hew
    hews hick hickory hidden hides highland hikes hillier hillock hills hilt hilts hind hinders hinds hing hint
    hippo hire hires hiss hitch ho hoard hock hocking hoe hoes hogan hogans hoist holder holes holiday holler
    hollering hollow holly holster holy homburg homer homes homestead hone hones honor hood hooey hoof hook hooker
    hooks hoop hoops hoot hoots hopping horde horns horseman horsey hose host hostler hotter householder hove
    hover hubby huckleberry huddle hue huff hug huger hull humble humbles hummingbird hung hunger hunker hunter
    huntress huntsman hurdle hurl hurry husbands hush husk husky hussar hussy hutch hyacinth hymen hypes idler
    idol imam imperial inch infield inks innocent ion irons island isle isles ivory jabs jacks jade jarred jasmine
    jasper jay jeans jerkin jerkins jest jester jetty jewel jewels jock joiner jolly journey jubilee julienne
    jumbo jumper junior juniper junker jurist jury justice kale karma keel keeling keels keen keener keens keepers
    kelp ken kennel kenning ketch keto kettle keys khan kicker kicks kidder kiddy kielbasa killer killings kilts
    kin kinder kindle kindred kingdom kingfisher kings kinsman kipper kisser kitchens kite kitten kitty kluge
    klutz knack knell knight knightly knights knock knoll knuckles kook krone kroner lace lackey lacks lacrosse
    lacy lade lager lain lair laity lake lakes lam lama lamas lamb lambing lame lamer lamers laming lamprey lander
    landmark lands lanes lank lapping larch lard largo lark lasagna lash lass lasso lat latch lathe lather laud
    laughter lava lavender lawless lawn laws lawyer lax layer layman lazier lea leach leader leaf leaks leap leas
    lease leash leather leathers leaven leavens lecher ledger leech leek leeks leer lees legacy legate legato
    leggins legions lei leis leisure lemma lemme lemming lemmings lemon lemons lent leopard lessen lessor letters
    levee lever levering levers lexer libel liberty lick lied liefer lien lies lieu lifer lightning likens lily
    limber limbo lime limerick limes liming linden linear lineman linen lingo link linker links lint lints lion
    lions lira lisle litter littler lively livers livings llamas llano llanos lo loader loan lob lock locker
    locket locus locust lodge loft lofts lofty loge loges logins loll lolling lone loner longs looney loop loots
    lope lopes lord lords lore loser loth lotto louder lout loveless lover lowing loyal lubbers lube luck lucks
    lull lush lusher lust luster lusty lute lutes lye lynch macadam mace macho macintosh mackinaw mackintosh mad
    madden madras madrigal maestri magic magnolia maid maiden maidens mail mailman mainland mains maize maizes
    majestic majors maker malady malarkey mallard mallet mallow mane manes manger mangle mango mania manifold
    manly manna manners manning manor mans mantel mantilla mantis mantle maple maples mar marble mare mares
    marinas marine mariner marines marker marking marks marlin maroon marquess marquis marry mars marsh marshal
    mart marten martens martian martinet martini martinis martins marts martyr marvel mas mascot mash masher
    massed massing mast master masters mates matt matte matters mattes mattock mattocks matts maudlin maul mavins
    maw maxim maxima mayo mayor mayoral maze mead meadow meadows meager mealy mecca medal media mediate medley
    meek meeker meg mellow melody memo memos mend mender mends merchant mercury meres merino merry mesa messenger
    messier meta meter metro mettle mew mews mi mica mickey midget mighty mikes milch milder miler milks mill
    millage millers millet milliner milling mills mimes mince miner miners mines mingle minion minister mink minks
    minors minster minty mire mires miser mitten mitts mixer mo moan moat moats moccasin mocha mock mode model
    modest mohair molder moll molt monarch money moneymaker monger monk monks moon moons moor mooring moors moos
    moots morale morn morocco moron morrow mosey moss mosses mote motes motley motto mound mountain mounts
    mourning mouse mouser mow mower mowers mu muck muff mulberry mulch mule mull mullet mulling munch murders
    muscat muse music muskrat muss mussel mustache mustard muster musty mutter mutters mutton nab nanny nappier
    nary nation nations naval nave naves nay nearing neat needy neigh nest nestle net netter netters nettle
    nettles newcomer newer newness newton nickel nickels nickle nickles nicks niece nigh nightingale nip nipper
    nix nobles nodal noel north northern noun nova novas novel novella nu null nuncio nunnery nutting oak oaks oar
    oats obey octave ode ogle ogles ohm ohms ohs olden olives omega opal orchard ore ores osier otter ouch ours
    outhouse outlaw oven ovens overcast overland overlie overly oxford oyster pace pacific packer paddock paddy
    pagan page pages pagoda paisley pal palazzi palazzo paling pall pallet palomino pals pan pancake panda pander
    pane pang panning pansy panther papa papas paradise parcel parchment pardon pare pares parfait parlor parody
    parrot parry parsley parson parsons partridge paschal pasha passer pastel pastures pasty pate pates patron
    patter payer payment pea peace peacemaker peach peaches peacock peaks peal peals pear pears peasant pease peat
    pebbles peck pedlar peeks peel peels peer peg pellet pelt pence pencil pennant penning pent peon peoples
    pepper peppers perch perches perish perking perks persons pert pester petite petty pew pheasant phoebe phoenix
    pi piazza pica piccolo pickerel picket pickings pickles pickup pier pierce pies piety pigeon piker pikes pile
    piles pilgrim pillar pilling pillion pilot pinch pine pines ping pinion pinkie pinks pinto pintos pipe piper
    pipes pippin pippins pique pita pitch pitcher plain plank plants plaster platter plaza pleas plough plover
    plowman pluck plum plumb plume plump plunk plush ply pock pod poet poke pol poles poling polite polka poll
    poncho pond ponder ponds pone pontiff poplar poplin porch pore ports poser poss posse poster potash potter
    potters pottier pouch pour powers prairie pray prayer precious precise president pressman presto presume
    pretzel prey pride pries priestly prim prime primer primes primmer primrose princess printers privateer pro
    proctor proffer profit prom promise pronto prophet prose prosper providence province provost prow prows prude
    prudence prudent pry pucker puff puffer puller puma pummel pumper pun punch punches punt punter pupa purl
    purser putt putty qua quail quails quarry quarto quay queen query quest quill quilter quince quine quire quirk
    quitter quiver quivers racer rack radar radish radon rafter ragas raid raider rain rainbow rainier rains
    rainwater raisin raja rajas rake rakes ram ramming ramp rams ranch rancher rang ranger rank ranks ransom rape
    rapier raring rasher rasp raspberry rattan rattler rave ravel raveling raven ravens razor reader ream reamer
    reams reap reaper rebel rector redden redder redhead redo redwood reeds reedy reef reefer reek reeks reel
    reels reeve regal rein reining reins reis relic remedies rend render renter repress resides retort reusing
    revel revels revere revering rhea rho rhyme rhymes richer riches ricks ricotta riddle riddles rider ridge
    ridges rife riff riffle righter rile riles riling rill rimes ringer rings rink rinks ripper ripple risen riser
    rival river rivers rivet rm roach roads roam roan robe robes robins rocker rockers rocks rocky rod rode roe
    roebuck roes rogue roles roll roller rolls romaine roman romance romp rood roof rook rooks ropes rosebush
    roses rosette rosier rosin rosy rote rotunda rouge roughen roulette rounds rouse rout route rover rowels rower
    royal royals royalty ruble rudder ruddy ruder rue rued ruff ruffing rumble rummage rummer rump rumple rumps
    rung runnels ruse rush rushing rusk rust ruts rye saber sable sables sack sacks sager sages sago sailor
    sailors sails saint sake salaam sale sales salines saliva sallies salmons salon salsa salter salts salvage
    salvo sames sand sander sandman sands sane saner sang sans sari saris sass satchel saucer saucier saunas
    savage savanna savannah savant saver savers savory sawyers sax scallion schlepp schmaltz schmalz schmuck
    schooling schools schooner sconce scow scrape scripture scull scullion scurry sea seal seals seaman seamen
    sear search searing sears seashore seats seaward seed seeds seller sellers sells seltzer selvage semen senate
    sender senna sensing sensor sequin sera serene serge sermon sermons servant serve server session setter
    setters settle settler settles sever severance severs sewer sexton shack shackle shad shade shadow shady
    shaggy shah shaikh shaker shall sham shames shams shandy shank shanks shark sharper sharps shaver shavers
    shawl shear shearer shearing shears shed sheen sheer sheerer sheikh shekels shell sheller shelling shells
    sherbert sheriff shield shields shill shilling shillings shim shine shiner shines ship shipper shire shires
    shirk shiver shivers shoals shoemaker shone shook shore shores shorten shorts shouts shove showman shuck
    shuffler shutter shutters sibyl sic sickles sicks sidle sidles sierra sierras sieve sieving silence silk sill
    sills silos silvan silver silvers silversmith sim simmer simmering simmers simper simpers simpler sin sine
    sing singer singleton sings sinks sinner sinning sins siren sires sis sitar sitter sizer skates skeet skiff
    skill skipper slack slain slate slates slaughter slay sledge sleek sleeper sleet sleigh slice slicer slick
    slicker slider slim slimmer slipper sloop slot slough sly smack smalls smiles smiley smiling smit smock
    smolder smothers snare snide snider sniff snipe snipes snoots snowball snowman snuffer sober sobers soda sol
    solar solders sole solo song songster sonny sorrel sorrels sorrow sos sour sours south southerly southern
    southward sovereign sow sower sowers sox spade spake spangle spaniel spanner spar spark sparkle sparks sparrow
    spates speaker spear spearing spears speck specking specter speedy speller spender spice spies spinner spire
    spires spittle spoon spoor spore sport sportsman spotted sprang sprawls springs sprinkle sprinkles sprout
    spruce sprung spry squire squires stabler stabs stagger staggers stains stair stake stakes stalker stall
    stalling stallion stalls stammer stamp stamps stank staple stapler star stare stark starling starring starry
    stars startup stash stater stave staves stead steed steel steely steep steeples steer stein steins stencil
    steppe sterling stern sterner sterns steward sticker stickler stile stiles stiller stills stilts stinger
    stirrup stitch stock stocking stocks stoke stoker stokes stole stoner stonewall stoney stonier stoop stoops
    storage stores storey stork storks storm storms stout stove stow strait strand stranger strawberry straws
    stray streams streets stretch stride strife striker string stringer stripling strode stroll strop strum stubby
    sturdy sturgeon style styles sub suet suing suit suite suitor suits sullen sully sultan sultana sum summers
    summons sump sunder sung suns sunshine surrey swagger swain swallows swam swamp swan swank sward swarm sweep
    sweeten sweets swift swilling swimmer swims swindle swindler swinger swisher switcher sword swords sylvan
    tables tack tad tag tags tail tailor taker talent tally tam tamer tames tams tan tang tango tank tankard
    tanker tanks tannery tape taps tardy tarring tart tartar tarter tat tatters tawny teal teas tease teat teats
    tee teed teem teems tees teeter teeters teller tellers temp tempest tenant tenor tent tequila termini terrace
    tester thatch thatcher thee thistle thong thorn thorns thrall thrash thrasher threat threats thresher thrift
    thrill throne thrower thundercloud thy tiara tickle tier tiff tiger tiller timber timbers tin tinder tine
    tines ting tingle tinker tinkle tipping tipple tiro tittle toddy tomb tombs tome tomes toms toner tong tonne
    tonsil toot topping toppings torrent tote toting totter touchstone tout tow towels tower towers towns trader
    trail train tram trammel tramp trapper traverse treasure trees tremble trench trend tress tribe trice trill
    trilling trim trimmer trinity trio triplet trodden troll tromp tron troop troth trotter troupe trouser trout
    trowel trucker trucks truly trump trumps trundle truss trusty tubby tuck tuft tufts tulip tun tune tuner
    turtle tutor twaddle tweed tweedy tweet twelves twine twining umbel union uphold upright urban usher utter
    vale valentine vales van vandal vane vanes vars veal veer veil veld velvet venerable vent venture verges
    verity vesper veto vi vial viands vicars vice victory view vigil vigilante vigor vile villa villas vine
    vinegar vines vineyard viola virgin virtue visage viscera vise visor viva vivas vote voter vowels wack wacker
    wadding waddle waddles wade wafer waffle wage wager wagers wages wagon wagoner waiters waldo wale wales
    walkers wallet walling waltz wand wander wanders wands wank wanner war warden warder wares warlock warn warns
    warp warring warrior wary washer watcher watchman waterfall waters watt wattles waver wax weakly weal weary
    weasel weatherman weathers weavers weaving wedding wedlock wee weir welch weld welder welding welling wells
    welsh welter welters wen wend wetter whaler wheat wheeling wheelwright whetstone whiles whisker whistle
    whistler whit whiten whitener whiter whites whiting whittle whittler wholly wick wicker wickers wicks widen
    widgeon wiener wig wight wild wilder wilds wile wiles willies willow wills wilt wilts wimpy win wince winch
    wind windy wines wing winger wings wink winks winner winners winning wins wire wires wisdom wisely wiser
    wisher wist withers witting witty wolf wolfing wolfram womble wombles wonders woo woodcock wooding woodland
    woodman woody wool woolen workings workman world worlds worm wormwood worthy wreath wren wrench wright wrinkle
    wrinkles writer wry yam yap yarn yaw yawn yaws ye yearling yell yen yeoman yielding yip yo yock yoke yokel yon
    yore yuk yule yum zens zephyr zinger
    """.split()  # noqa: SIM905 - as above
)
"""Words that clinical texts seldom hold: a name wherever they are capitalised."""
