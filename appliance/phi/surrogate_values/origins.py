"""Names by where they come from, so that a surrogate keeps what a name tells of its bearer's origin.

A model that reads "Nguyen" may rightly think of hepatitis B, and of nothing when it reads "Smith".  The lists serve
twice: a name that stands in one is of that origin, and its surrogate is drawn from the same list.  What is short or an
everyday word (`NEVER_DRAWN`) is of its origin and MUST NOT be drawn; a name of no list falls to `common`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Names of one origin; each list in no special order."""

    female: tuple[str, ...]
    male: tuple[str, ...]
    surnames: tuple[str, ...]
    endings: tuple[str, ...] = ()
    """How a surname of this origin usually ends, for those that stand in no list."""


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


HISPANIC = Origin(
    female=_names(
        """
        Guadalupe Lucia Ximena Valentina Camila Esperanza Marisol Consuelo Yolanda Graciela Leticia Alejandra Mariana
        Catalina Isabela Daniela Rocio Beatriz Dolores Josefina Maribel Araceli Fernanda Paola Lourdes Xiomara Ines
        Adriana Veronica Carmen Teresa Elena Gabriela Lorena Silvia Rosario Pilar Ofelia Amparo Noemi
        """
    ),
    male=_names(
        """
        Alejandro Javier Santiago Mateo Rodrigo Emilio Ignacio Esteban Joaquin Ramiro Octavio Ernesto Guillermo Arturo
        Rafael Armando Gustavo Cesar Hector Enrique Raul Alberto Fernando Eduardo Gilberto Rogelio Humberto Agustin
        Lorenzo Salvador Ezequiel Tomas Leandro Vicente Mauricio Rigoberto Osvaldo Abelardo Leopoldo Efrain
        """
    ),
    surnames=_names(
        """
        Garcia Martinez Rodriguez Lopez Hernandez Gonzalez Perez Sanchez Ramirez Torres Flores Rivera Gomez Diaz Reyes
        Cruz Morales Ortiz Gutierrez Ramos Ruiz Alvarado Velasquez Quintero Zamora Camacho Escobar Figueroa Galindo
        Huerta Ibarra Jaramillo Lozano Maldonado Navarro Ochoa Pacheco Quiroga Rosales Salazar Trujillo Ulloa Valdez
        Villanueva Zapata Zuniga Arellano Benavides Cisneros Delacruz Espinoza Fuentes Granados Hinojosa Iglesias
        Juarez Leyva Montoya Narvaez Olivares Palacios Renteria Sandoval Tejeda Urbina Velazco Yanez Zaragoza
        """
    ),
    endings=("ez", "illo", "ales", "eros", "ueda", "ido", "uez"),
)

CHINESE = Origin(
    female=_names("Meiling Xiuying Yanling Huifen Lihua Xiaomei Jingyi Yuhan Shufen Weiying Qiuyue Ruolan Siyu Zihan"),
    male=_names("Weiming Jianguo Zhiqiang Haoran Junjie Yifan Guowei Mingze Xiaobo Tianyu Zhihao Wenbin Dawei Chengwu"),
    surnames=_names(
        """
        Wang Zhang Chen Liu Zhao Huang Zhou Xu Zhu Guo Luo Zheng Liang Xie Tang Xu Deng Xiao Feng Zeng Peng Cai Pan
        Yuan Jiang Yu Dong Lu Wei Shen Cheng Ye Ding Tian Fan Jin Liao Qiu Xiong Hou Meng Qin Xue Yan Duan Lei Wong
        Chang Hsu Tsai Hsieh Cheung Leung Kwok Tseng Chiang Ouyang Situ
        """
    ),
)

KOREAN = Origin(
    female=_names("Jiwoo Seoyeon Minseo Hayoon Eunji Soojin Hyejin Yuna Jimin Sunhee Kyungsook Youngmi Boram Dahyun"),
    male=_names("Minjun Jihoon Donghyun Sungmin Jaehyun Taeyang Seojun Hyunwoo Kyungsoo Sangwoo Youngho Joonho Wonbin"),
    surnames=_names("Kim Park Choi Jung Jeong Kang Yoon Jang Lim Shin Kwon Hwang Ahn Ryu Hong Jeon Moon Bae Baek Nam"),
)

JAPANESE = Origin(
    female=_names("Yumi Keiko Sakura Haruka Ayumi Naoko Michiko Akiko Tomoko Yuki Emiko Noriko Mariko Fumiko Chiyo"),
    male=_names("Hiroshi Takashi Kenji Daisuke Haruto Satoshi Yuto Kazuo Makoto Ryota Shigeru Tadashi Kenta Masaru"),
    surnames=_names(
        """
        Tanaka Suzuki Takahashi Watanabe Ito Yamamoto Nakamura Kobayashi Kato Yoshida Yamada Sasaki Yamaguchi
        Matsumoto Inoue Kimura Shimizu Hayashi Saito Mori Ikeda Ogawa Ishikawa Hasegawa Okada Fujita Goto Nakajima
        """
    ),
    endings=("moto", "mura", "gawa", "kawa", "yama", "shita", "naka"),
)

VIETNAMESE = Origin(
    female=_names("Linh Huong Thuy Ngoc Phuong Trinh Hanh Thao Nhung Quynh Tuyet Huyen Diem Thanhha Bichngoc"),
    male=_names("Minh Tuan Hung Dung Quang Thanh Khanh Duc Phuoc Trung Vinh Khoa Thang Hieu Nghia Bao"),
    surnames=_names("Nguyen Tran Pham Huynh Hoang Phan Vu Vo Dang Bui Ngo Duong Truong Dinh Trinh Luong Doan Thai Luu"),
)

SOUTH_ASIAN = Origin(
    female=_names(
        """
        Priya Ananya Kavita Sunita Deepika Lakshmi Meera Nandini Padma Radhika Shreya Sushma Swati Vidya Aishwarya
        Divya Geeta Indira Jyoti Kamala Madhuri Neha Pooja Rekha Sangeeta Usha Vasudha Farzana Nusrat
        """
    ),
    male=_names(
        """
        Rajesh Sanjay Vikram Arjun Anil Suresh Ramesh Deepak Amit Rahul Krishna Ganesh Harish Manoj Naveen Prakash
        Rakesh Rohit Sachin Sandeep Srinivas Sunil Venkat Vijay Vivek Ashok Dinesh Mahesh Nikhil Tariq
        """
    ),
    surnames=_names(
        """
        Patel Sharma Gupta Reddy Kumar Agarwal Banerjee Bhatt Chakraborty Chatterjee Chaudhary Desai Deshmukh Ghosh
        Iyer Iyengar Jadhav Joshi Kapoor Kulkarni Mahajan Malhotra Mehta Mukherjee Nair Pandey Pillai Rao Saxena Sethi
        Srinivasan Subramanian Trivedi Varma Venkatesan Yadav Bhattacharya Choudhury Dasgupta Krishnan Natarajan
        """
    ),
    endings=("anathan", "swamy", "murthy", "rajan", "krishnan", "bhai", "ekar"),
)

ARABIC = Origin(
    female=_names(
        "Fatima Aisha Khadija Maryam Zainab Layla Noura Salma Yasmin Huda Samira Amira Rania Dalia Lubna Nadia Hanan"
    ),
    male=_names(
        """
        Mohammed Muhammad Mohamed Ahmed Ali Hassan Hussein Omar Khalid Ibrahim Yusuf Mustafa Karim Tarek Samir Walid
        Bilal Hamza Jamal Rashid Faisal Ziad Nabil Marwan Ammar Anwar
        """
    ),
    surnames=_names(
        """
        Hassan Ahmed Hussein Khalil Mansour Haddad Khoury Nasser Saleh Farah Hamdan Darwish Shaheen Qasim Rahman Aziz
        Sayegh Barakat Bishara Fakhoury Ghanem Habib Jaber Kanaan Masri Nassar Odeh Rahal Sabbagh Tawil Zayed Khan
        Malik Siddiqui Qureshi Chaudhry Hashmi
        """
    ),
)

SLAVIC = Origin(
    female=_names(
        "Olga Svetlana Ludmila Natalya Tatiana Oksana Agnieszka Katarzyna Malgorzata Jadwiga Galina Irina Yelena Zofia"
    ),
    male=_names(
        "Dmitri Sergei Vladimir Nikolai Andrei Mikhail Yevgeny Krzysztof Wojciech Zbigniew Jerzy Stanislav Bogdan Oleg"
    ),
    surnames=_names(
        """
        Ivanov Petrov Sokolov Popov Volkov Morozov Kuznetsov Smirnov Lebedev Kozlov Novikov Kowalski Nowak Wisniewski
        Wojcik Kowalczyk Kaminski Lewandowski Zielinski Szymanski Dabrowski Shevchenko Bondarenko Kravchenko Tkachenko
        Novak Horvat Kovac Dvorak Svoboda Petrovic Jovanovic
        """
    ),
    endings=("ski", "sky", "ska", "ov", "ova", "enko", "vich", "czyk", "wicz", "ovic", "ev"),
)

ITALIAN = Origin(
    female=_names("Francesca Giulia Chiara Alessandra Giovanna Antonella Concetta Filomena Lucrezia Ornella Simona"),
    male=_names("Giovanni Marco Giuseppe Salvatore Vincenzo Matteo Alessandro Pasquale Gennaro Rocco Dante Enzo"),
    surnames=_names(
        """
        Esposito Bianchi Romano Colombo Ricci Marino Greco Bruno Gallo Conti Deluca Mancini Costa Giordano Rizzo
        Lombardi Moretti Barbieri Fontana Santoro Mariani Rinaldi Caruso Ferrara Galli Martini Leone Longo Gentile
        """
    ),
    endings=("ini", "elli", "etti", "acci", "ucci", "aldi", "azzo"),
)

FRENCH = Origin(
    female=_names("Genevieve Margaux Celeste Odette Solange Mireille Brigitte Colette Ghislaine Sandrine Delphine"),
    male=_names("Etienne Thibault Laurent Olivier Fabrice Guillaume Benoit Mathieu Gaspard Thierry Pascal Lucien"),
    surnames=_names(
        """
        Dubois Durand Leroy Moreau Laurent Lefebvre Fournier Girard Bonnet Dupont Lambert Fontaine Rousseau Lefevre
        Mercier Boyer Gauthier Perrin Chevalier Boucher Arsenault Thibodeaux Boudreaux Landry Hebert Broussard Guidry
        """
    ),
    endings=("eaux", "eau", "ault", "ois", "ard"),
)

GERMANIC = Origin(
    female=_names("Ingrid Helga Gretchen Liesl Annika Astrid Sigrid Solveig Ulrike Heike Katja Birgit Elke Gudrun"),
    male=_names("Klaus Dieter Gunther Wolfgang Jurgen Matthias Henrik Lars Anders Bjorn Torsten Ulrich Rainer Uwe"),
    surnames=_names(
        """
        Schneider Fischer Weber Schulz Hoffmann Schroeder Neumann Zimmermann Krueger Hartmann Lange Werner Krause Meier
        Lehmann Koehler Herrmann Kaiser Vogel Friedrich Lindqvist Johansson Andersson Lindberg Bergstrom Hansen
        Christensen Rasmussen Halvorsen Eriksen Haugen Nystrom
        """
    ),
    endings=("mann", "berg", "strom", "quist", "ssen", "baum", "stein", "feld"),
)

AFRICAN = Origin(
    female=_names("Adaeze Ngozi Chioma Amara Folake Yetunde Abena Akosua Efua Makena Wanjiru Nneka Ifeoma Zanele"),
    male=_names("Chinedu Emeka Oluwaseun Babatunde Kwame Kofi Kwabena Tendai Abebe Tesfaye Obinna Ikenna Thabo Sipho"),
    surnames=_names(
        """
        Okafor Okonkwo Adeyemi Nwosu Mensah Owusu Boateng Asante Abiodun Adebayo Balogun Chukwu Eze Ibekwe Kamau
        Mwangi Njoroge Ndiaye Diallo Traore Tesfaye Bekele Gebremedhin Haile Dlamini Mokoena Osei Appiah Amoah Obi
        """
    ),
    endings=("kwo", "emi", "wosu", "unde"),
)

ORIGINS: tuple[Origin, ...] = (
    HISPANIC,
    CHINESE,
    KOREAN,
    JAPANESE,
    VIETNAMESE,
    SOUTH_ASIAN,
    ARABIC,
    SLAVIC,
    ITALIAN,
    FRENCH,
    GERMANIC,
    AFRICAN,
)
"""Every origin, in the order in which a name is looked for."""

FEWEST_LETTERS_DRAWN = 4
"""A shorter name stands in too many abbreviations to be told from them in an answer."""

NEVER_DRAWN = frozenset(
    "camila hector tang ding hung dung nair khan moon park shin martini gentile bonnet marino bruno leone".split()  # noqa: SIM905 - as the lists above
)
"""Names of the lists that are everyday words as well, or one of them backwards."""
